"""Two Lists, One Tree."""

import sys


def solve(n, first, second):
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    first = [int(next(words)) for _ in range(n)]
    second = [int(next(words)) for _ in range(n)]
    print(*solve(n, first, second))


main()
