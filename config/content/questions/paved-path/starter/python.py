"""A Very Long Path of Slabs."""

import sys


def solve(n, k, lengths):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    k = int(next(words))
    lengths = [int(next(words)) for _ in range(k)]
    print(solve(n, k, lengths))


main()
