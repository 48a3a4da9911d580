"""One Ride Is Free."""

import sys


def solve(n, m, rides):
    # rides: three numbers a, b, fare for each line
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    m = int(next(words))
    rides = [int(next(words)) for _ in range(3 * m)]
    print(solve(n, m, rides))


main()
