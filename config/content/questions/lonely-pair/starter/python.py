"""Two Gloves Without a Partner."""

import sys


def solve(n, numbers):
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    numbers = [int(next(words)) for _ in range(n)]
    print(*solve(n, numbers))


main()
