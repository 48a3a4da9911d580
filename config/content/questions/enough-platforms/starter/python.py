"""Enough Platforms for Everyone."""

import sys


def solve(n, stays):
    # stays: two numbers arrival, departure for each train
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    stays = [int(next(words)) for _ in range(2 * n)]
    print(solve(n, stays))


main()
