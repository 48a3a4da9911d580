"""The Median So Far."""

import sys


def solve(n, delays):
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    delays = [int(next(words)) for _ in range(n)]
    print(*solve(n, delays))


main()
