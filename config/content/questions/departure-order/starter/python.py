"""Who Departs First."""

import sys


def solve(n, m, rules):
    # rules: two numbers a, b for each rule, a departs before b
    # Your code goes here.
    return []


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    m = int(next(words))
    rules = [int(next(words)) for _ in range(2 * m)]
    print(*solve(n, m, rules), sep="\n")


main()
