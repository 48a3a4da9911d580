"""A solution to: Loading the Last Wagon."""

import sys


def main():
    n, capacity, *numbers = map(int, sys.stdin.read().split())
    best = [0] * (capacity + 1)
    for weight, fee in zip(numbers[::2], numbers[1::2]):
        for room in range(capacity, weight - 1, -1):
            with_it = best[room - weight] + fee
            if with_it > best[room]:
                best[room] = with_it
    print(best[capacity])


main()
