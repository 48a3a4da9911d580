"""A solution to: Crossing Wires."""

import sys


def sort_and_count(ends):
    if len(ends) < 2:
        return ends, 0
    left, crossings = sort_and_count(ends[: len(ends) // 2])
    right, more = sort_and_count(ends[len(ends) // 2 :])
    crossings += more
    merged = []
    taken = 0
    for end in right:
        while taken < len(left) and left[taken] <= end:
            merged.append(left[taken])
            taken += 1
        crossings += len(left) - taken
        merged.append(end)
    return merged + left[taken:], crossings


n, *ends = map(int, sys.stdin.read().split())
print(sort_and_count(ends)[1])
