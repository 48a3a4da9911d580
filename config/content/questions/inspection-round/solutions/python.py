"""A solution to: The Inspector's Round."""

import sys


def main():
    n, *numbers = map(int, sys.stdin.read().split())
    minutes = [numbers[row * n : (row + 1) * n] for row in range(n)]
    never = float("inf")
    best = [[never] * n for _ in range(1 << n)]
    best[1][0] = 0
    for seen in range(1, 1 << n, 2):
        left = [depot for depot in range(n) if not seen >> depot & 1]
        for last, so_far in enumerate(best[seen]):
            if so_far == never:
                continue
            row = minutes[last]
            for depot in left:
                after = best[seen | 1 << depot]
                if so_far + row[depot] < after[depot]:
                    after[depot] = so_far + row[depot]
    print(min(so_far + minutes[last][0] for last, so_far in enumerate(best[-1])))


main()
