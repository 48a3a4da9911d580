"""Turning the Train in Groups."""

import sys


def solve(n, k, head, behind):
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    k = int(next(words))
    head = int(next(words))
    behind = [int(next(words)) for _ in range(n)]
    print(*solve(n, k, head, behind))


main()
