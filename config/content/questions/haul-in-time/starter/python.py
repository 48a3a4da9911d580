"""The Weakest Engine That Will Do."""

import sys


def solve(n, days, wagons):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    days = int(next(words))
    wagons = [int(next(words)) for _ in range(n)]
    print(solve(n, days, wagons))


main()
