"""A solution to: Signs Read From Both Ends."""

import sys


def main():
    lines = sys.stdin.read().split("\n")
    for sign in lines[1 : 1 + int(lines[0])]:
        kept = [character.lower() for character in sign if character.isalnum()]
        print("yes" if kept == kept[::-1] else "no")


main()
