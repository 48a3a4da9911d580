"""When All Bells Ring Together."""

import sys


def solve(n, periods):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    periods = [int(next(words)) for _ in range(n)]
    print(solve(n, periods))


main()
