"""Couplings in Order."""

import sys


def solve(text):
    # Your code goes here.
    return ""


def main():
    words = iter(sys.stdin.read().split())
    text = next(words)
    print(solve(text))


main()
