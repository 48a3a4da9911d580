"""Signs Read From Both Ends."""

import sys


def solve(n, signs):
    # Your code goes here.
    return []


def main():
    lines = sys.stdin.read().split("\n")
    n = int(lines[0])
    signs = lines[1 : 1 + n]
    print(*solve(n, signs), sep="\n")


main()
