"""A solution to: Stations That Begin Like This."""

import sys


def main():
    n, q, *words = sys.stdin.read().split()
    children = [{}]
    counts = [0]
    for station in words[: int(n)]:
        node = 0
        for letter in station:
            if letter not in children[node]:
                children[node][letter] = len(children)
                children.append({})
                counts.append(0)
            node = children[node][letter]
            counts[node] += 1
    for beginning in words[int(n) :]:
        node = 0
        for letter in beginning:
            node = children[node].get(letter)
            if node is None:
                break
        print(counts[node] if node else 0)


main()
