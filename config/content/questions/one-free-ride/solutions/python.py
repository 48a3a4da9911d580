"""A solution to: One Ride Is Free."""

import heapq
import sys


def main():
    n, m, *numbers = map(int, sys.stdin.read().split())
    rides = [[] for _ in range(n + 1)]
    for a, b, fare in zip(*[iter(numbers)] * 3):
        rides[a].append((b, fare))
        rides[b].append((a, fare))
    done = set()
    heap = [(0, 1, True)]
    while heap:
        cost, town, has_voucher = heapq.heappop(heap)
        if town == n:
            print(cost)
            return
        if (town, has_voucher) in done:
            continue
        done.add((town, has_voucher))
        for there, fare in rides[town]:
            heapq.heappush(heap, (cost + fare, there, has_voucher))
            if has_voucher:
                heapq.heappush(heap, (cost, there, False))
    print(-1)


main()
