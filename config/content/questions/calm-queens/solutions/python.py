"""A solution to: Lamps That Do Not Dazzle."""

import sys


def main():
    n, *rows = sys.stdin.read().split()
    broken = [sum(1 << place for place, tile in enumerate(row) if tile == "#") for row in rows]
    everything = (1 << int(n)) - 1

    def count(row, columns, left, right):
        if row == len(broken):
            return 1
        free = everything & ~(columns | left | right | broken[row])
        ways = 0
        while free:
            lamp = free & -free
            free ^= lamp
            ways += count(row + 1, columns | lamp, (left | lamp) << 1, (right | lamp) >> 1)
        return ways

    print(count(0, 0, 0, 0))


main()
