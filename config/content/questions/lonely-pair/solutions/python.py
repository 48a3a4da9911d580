"""A solution to: Two Gloves Without a Partner."""

from functools import reduce
from operator import xor


def main():
    input()
    numbers = list(map(int, input().split()))
    both = reduce(xor, numbers)
    bit = both & -both
    one = reduce(xor, (number for number in numbers if number & bit))
    print(*sorted((one, one ^ both)))


main()
