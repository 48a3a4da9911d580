"""Lets blanks and punctuation count."""

import sys


def main():
    lines = sys.stdin.read().split("\n")
    for sign in lines[1 : 1 + int(lines[0])]:
        print("yes" if sign.lower() == sign.lower()[::-1] else "no")


main()
