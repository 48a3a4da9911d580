"""Takes the crates with the best fee per kilogram first."""

import sys


def main():
    n, capacity, *numbers = map(int, sys.stdin.read().split())
    total = 0
    for weight, fee in sorted(zip(numbers[::2], numbers[1::2]), key=lambda crate: crate[0] / (crate[1] or 1e-9)):
        if weight <= capacity:
            capacity -= weight
            total += fee
    print(total)


main()
