"""Loading the Last Wagon."""

import sys


def solve(n, capacity, crates):
    # crates: two numbers weight, fee for each crate
    # Your code goes here.
    return 0


def main():
    words = iter(sys.stdin.read().split())
    n = int(next(words))
    capacity = int(next(words))
    crates = [int(next(words)) for _ in range(2 * n)]
    print(solve(n, capacity, crates))


main()
