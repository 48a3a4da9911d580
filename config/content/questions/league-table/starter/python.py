"""The Depot League."""

import sys


def solve(n, teams):
    # Your code goes here.
    return []


def main():
    lines = sys.stdin.read().split("\n")
    n = int(lines[0])
    teams = lines[1 : 1 + n]
    print(*solve(n, teams), sep="\n")


main()
