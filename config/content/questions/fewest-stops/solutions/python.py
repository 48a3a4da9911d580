"""A solution to: Water for the Steam Engine."""

import sys


def stops(distance, reach, towers):
    count = filled_at = before = 0
    for place in [*towers, distance]:
        if place - filled_at > reach:
            count += 1
            filled_at = before
            if place - filled_at > reach:
                return -1
        before = place
    return count


n, distance, reach, *towers = map(int, sys.stdin.read().split())
print(stops(distance, reach, towers))
