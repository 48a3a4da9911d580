"""A solution to: On Foot Through the Yard."""

import sys
from collections import deque


def steps(height, width, rows):
    [start] = [(y, x) for y in range(height) for x in range(width) if rows[y][x] == "S"]
    queue = deque([(start, 0)])
    seen = {start}
    while queue:
        (y, x), distance = queue.popleft()
        if rows[y][x] == "G":
            return distance
        for there in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
            is_inside = 0 <= there[0] < height and 0 <= there[1] < width
            if is_inside and there not in seen and rows[there[0]][there[1]] != "#":
                seen.add(there)
                queue.append((there, distance + 1))
    return -1


height, width, *rows = sys.stdin.read().split()
print(steps(int(height), int(width), rows))
