"""Lockers for Those Who Come Often."""

import sys


def solve(capacity, n, commands):
    # Your code goes here.
    return []


def main():
    lines = sys.stdin.read().split("\n")
    capacity, n = map(int, lines[0].split())
    commands = lines[1 : 1 + n]
    print(*solve(capacity, n, commands), sep="\n")


main()
