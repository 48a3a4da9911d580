"""When Is the Track Closed."""

import sys


def solve(n, windows):
    # windows: two numbers from, to for each window
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    windows = [int(next(words)) for _ in range(2 * n)]
    print(*solve(n, windows), sep="\n")


main()
