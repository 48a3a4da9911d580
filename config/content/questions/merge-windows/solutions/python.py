"""A solution to: When Is the Track Closed."""

import sys


def main():
    n, *numbers = map(int, sys.stdin.read().split())
    periods = []
    for begin, end in sorted(zip(numbers[::2], numbers[1::2])):
        if periods and begin <= periods[-1][1]:
            periods[-1][1] = max(periods[-1][1], end)
        else:
            periods.append([begin, end])
    for period in periods:
        print(*period)


main()
