"""The Two Stations Farthest Apart."""

import sys


def solve(n, tracks):
    # tracks: three numbers a, b, length for each track
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    tracks = [int(next(words)) for _ in range(3 * n - 3)]
    print(solve(n, tracks))


main()
