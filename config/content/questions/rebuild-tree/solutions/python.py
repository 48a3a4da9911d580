"""A solution to: Two Lists, One Tree."""

import sys


def main():
    n, *numbers = map(int, sys.stdin.read().split())
    first, second = numbers[:n], numbers[n:]
    places = {department: place for place, department in enumerate(second)}
    backwards = []
    stack = [(0, 0, n)]
    while stack:
        begin, left, size = stack.pop()
        if not size:
            continue
        root = first[begin]
        backwards.append(root)
        on_left = places[root] - left
        stack.append((begin + 1, left, on_left))
        stack.append((begin + 1 + on_left, left + on_left + 1, size - 1 - on_left))
    print(*reversed(backwards))


main()
