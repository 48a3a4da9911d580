"""A solution to: The Two Stations Farthest Apart."""

import sys


def farthest(tracks, start):
    best = (0, start)
    stack = [(start, 0, 0)]
    while stack:
        station, came_from, distance = stack.pop()
        best = max(best, (distance, station))
        stack += [(there, station, distance + length) for there, length in tracks[station] if there != came_from]
    return best


def main():
    n, *numbers = map(int, sys.stdin.read().split())
    tracks = [[] for _ in range(n + 1)]
    for a, b, length in zip(*[iter(numbers)] * 3):
        tracks[a].append((b, length))
        tracks[b].append((a, length))
    _, end = farthest(tracks, 1)
    print(farthest(tracks, end)[0])


main()
