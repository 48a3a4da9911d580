"""A solution to: A Very Long Path of Slabs."""

import sys

SIZE = 8
MODULUS = 1_000_000_007


def main():
    n, k, *lengths = map(int, sys.stdin.read().split())
    step = [[int(place + 1 in lengths) for place in range(SIZE)]]
    step += [[int(place == row) for place in range(SIZE)] for row in range(SIZE - 1)]
    ways = [1] + [0] * (SIZE - 1)
    while n:
        if n & 1:
            ways = [sum(a * b for a, b in zip(row, ways)) % MODULUS for row in step]
        columns = list(zip(*step))
        step = [[sum(a * b for a, b in zip(row, column)) % MODULUS for column in columns] for row in step]
        n >>= 1
    print(ways[0])


main()
