"""The Inspector's Round."""

import sys


def solve(n, minutes):
    # minutes: row by row, from each depot to each depot
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    minutes = [int(next(words)) for _ in range(n * n)]
    print(solve(n, minutes))


main()
