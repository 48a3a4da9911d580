"""Stations That Begin Like This."""

import sys


def solve(n, q, stations, beginnings):
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    q = int(next(words))
    stations = [next(words) for _ in range(n)]
    beginnings = [next(words) for _ in range(q)]
    print(*solve(n, q, stations, beginnings))


main()
