"""Crossing Wires."""

import sys


def solve(n, ends):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    ends = [int(next(words)) for _ in range(n)]
    print(solve(n, ends))


main()
