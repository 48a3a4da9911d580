"""A solution to: The Weakest Engine That Will Do."""

import sys


def days_needed(wagons, strength):
    days, room = 1, strength
    for weight in wagons:
        if weight > room:
            days += 1
            room = strength
        room -= weight
    return days


def main():
    n, days, *wagons = map(int, sys.stdin.read().split())
    low, high = max(wagons), sum(wagons)
    while low < high:
        middle = (low + high) // 2
        if days_needed(wagons, middle) <= days:
            high = middle
        else:
            low = middle + 1
    print(low)


main()
