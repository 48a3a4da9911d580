"""A solution to: When All Bells Ring Together."""

from math import gcd


def main():
    input()
    together = 1
    for period in map(int, input().split()):
        together = together // gcd(together, period) * period
    print(together)


main()
