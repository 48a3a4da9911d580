"""The Largest Poster on the Fence."""

import sys


def solve(n, heights):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    heights = [int(next(words)) for _ in range(n)]
    print(solve(n, heights))


main()
