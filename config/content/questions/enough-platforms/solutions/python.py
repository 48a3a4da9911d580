"""A solution to: Enough Platforms for Everyone."""

import sys


def main():
    n, *numbers = map(int, sys.stdin.read().split())
    events = sorted([(minute, 1) for minute in numbers[::2]] + [(minute, -1) for minute in numbers[1::2]])
    trains = most = 0
    for _, change in events:
        trains += change
        most = max(most, trains)
    print(most)


main()
