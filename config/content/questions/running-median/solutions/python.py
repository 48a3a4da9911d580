"""A solution to: The Median So Far."""

import heapq
import sys


def main():
    n, *delays = map(int, sys.stdin.read().split())
    smaller, larger = [], []  # The smaller half is negated: heapq knows only the smallest.
    for delay in delays:
        heapq.heappush(larger, -heapq.heappushpop(smaller, -delay))
        if len(larger) > len(smaller):
            heapq.heappush(smaller, -heapq.heappop(larger))
        print(-smaller[0])


main()
