"""Counts wires to the same socket as crossing."""

import bisect
import sys

n, *ends = map(int, sys.stdin.read().split())
seen = []
crossings = 0
for end in ends:
    crossings += len(seen) - bisect.bisect_left(seen, end)
    bisect.insort(seen, end)
print(crossings)
