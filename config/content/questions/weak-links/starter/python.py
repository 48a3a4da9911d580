"""Cables That Must Not Break."""

import sys


def solve(n, m, cables):
    # cables: two numbers a, b for each cable
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    m = int(next(words))
    cables = [int(next(words)) for _ in range(2 * m)]
    print(*solve(n, m, cables), sep="\n")


main()
