"""A solution to: Turning the Train in Groups."""

import sys


def main():
    n, k, head, *couplings = map(int, sys.stdin.read().split())
    behind = [head, *couplings]
    before = 0
    while True:
        end = before
        for _ in range(k):
            end = behind[end]
            if not end:
                break
        else:
            front = behind[before]
            rest = behind[end]
            previous, wagon = rest, front
            while wagon != rest:
                behind[wagon], previous, wagon = previous, wagon, behind[wagon]
            behind[before] = end
            before = front
            continue
        break
    train = []
    wagon = behind[0]
    while wagon:
        train.append(wagon)
        wagon = behind[wagon]
    print(*train)


main()
