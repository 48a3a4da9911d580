"""Water for the Steam Engine."""

import sys


def solve(n, distance, reach, towers):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    distance = int(next(words))
    reach = int(next(words))
    towers = [int(next(words)) for _ in range(n)]
    print(solve(n, distance, reach, towers))


main()
