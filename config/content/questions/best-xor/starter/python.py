"""The Most Different Signals."""

import sys


def solve(n, signals):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    signals = [int(next(words)) for _ in range(n)]
    print(solve(n, signals))


main()
