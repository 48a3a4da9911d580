"""A solution to: Cables That Must Not Break."""

import sys


def main():
    n, m, *numbers = map(int, sys.stdin.read().split())
    ends = list(zip(numbers[::2], numbers[1::2]))
    at = [[] for _ in range(n + 1)]
    for cable, (a, b) in enumerate(ends):
        at[a].append((b, cable))
        at[b].append((a, cable))
    visit = [0] * (n + 1)
    low = [0] * (n + 1)
    clock = 0
    critical = []
    for root in range(1, n + 1):
        if visit[root]:
            continue
        clock += 1
        visit[root] = low[root] = clock
        path = [(root, -1, iter(at[root]))]
        while path:
            box, entered_by, cables = path[-1]
            for there, cable in cables:
                if cable == entered_by:
                    continue
                if visit[there]:
                    low[box] = min(low[box], visit[there])
                    continue
                clock += 1
                visit[there] = low[there] = clock
                path.append((there, cable, iter(at[there])))
                break
            else:
                path.pop()
                if path:
                    above = path[-1][0]
                    low[above] = min(low[above], low[box])
                    if low[box] > visit[above]:
                        critical.append(tuple(sorted(ends[entered_by])))
    print(len(critical))
    for a, b in sorted(critical):
        print(a, b)


main()
