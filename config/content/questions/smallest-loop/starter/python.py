"""The Shortest Printing Roller."""

import sys


def solve(text):
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    text = next(words)
    print(solve(text))


main()
