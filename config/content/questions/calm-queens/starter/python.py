"""Lamps That Do Not Dazzle."""

import sys


def solve(n, rows):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    rows = [next(words) for _ in range(n)]
    print(solve(n, rows))


main()
