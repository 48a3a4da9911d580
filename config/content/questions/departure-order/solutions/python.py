"""A solution to: Who Departs First."""

import heapq
import sys


def main():
    n, m, *numbers = map(int, sys.stdin.read().split())
    followers = [[] for _ in range(n + 1)]
    waits_for = [0] * (n + 1)
    for a, b in zip(numbers[::2], numbers[1::2]):
        followers[a].append(b)
        waits_for[b] += 1
    ready = [train for train in range(1, n + 1) if not waits_for[train]]
    order = []
    while ready:
        train = heapq.heappop(ready)
        order.append(train)
        for follower in followers[train]:
            waits_for[follower] -= 1
            if not waits_for[follower]:
                heapq.heappush(ready, follower)
    if len(order) == n:
        print(*order)
    else:
        print("impossible")


main()
