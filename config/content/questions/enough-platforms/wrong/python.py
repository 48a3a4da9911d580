"""Lets a train wait for one that departs in the same minute."""

import sys

n, *numbers = map(int, sys.stdin.read().split())
events = sorted([(minute, 0) for minute in numbers[::2]] + [(minute, 1) for minute in numbers[1::2]])
trains = most = 0
for _, is_departure in events:
    trains += -1 if is_departure else 1
    most = max(most, trains)
print(most)
