"""On Foot Through the Yard."""

import sys


def solve(height, width, rows):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    height = int(next(words))
    width = int(next(words))
    rows = [next(words) for _ in range(height)]
    print(solve(height, width, rows))


main()
