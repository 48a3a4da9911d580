"""Leaves out all cables to the box that it came from, so it never sees a second one."""

import sys


def main():
    sys.setrecursionlimit(10_000)
    n, m, *numbers = map(int, sys.stdin.read().split())
    at = [[] for _ in range(n + 1)]
    for a, b in zip(numbers[::2], numbers[1::2]):
        at[a].append(b)
        at[b].append(a)
    visit = {}
    critical = []

    def search(box, above):
        visit[box] = low = len(visit)
        for there in at[box]:
            if there == above:
                continue
            if there in visit:
                low = min(low, visit[there])
                continue
            below = search(there, box)
            low = min(low, below)
            if below > visit[box]:
                critical.append((min(box, there), max(box, there)))
        return low

    for root in range(1, n + 1):
        if root not in visit:
            search(root, 0)
    print(len(critical))
    for a, b in sorted(critical):
        print(a, b)


main()
