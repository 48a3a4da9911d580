"""A Pair That Fills the Crane."""

import sys


def solve(n, target, weights):
    # Your code goes here.
    return ""


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    target = int(next(words))
    weights = [int(next(words)) for _ in range(n)]
    print(solve(n, target, weights))


main()
