"""Stops at every tower once half of the tank is used."""

import sys

n, distance, reach, *towers = map(int, sys.stdin.read().split())
count = filled_at = 0
for place in towers:
    if place - filled_at > reach:
        break
    if 2 * (place - filled_at) > reach:
        count += 1
        filled_at = place
print(-1 if distance - filled_at > reach else count)
