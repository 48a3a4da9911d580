"""Unfolding a Whistle Pattern."""

import sys


def solve(pattern):
    # Your code goes here.
    return ""


def main():
    words = iter(sys.stdin.read().split())
    pattern = next(words)
    print(solve(pattern))


main()
