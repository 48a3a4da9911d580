"""Pairs a crate with itself."""


def main():
    n, target = map(int, input().split())
    weights = list(map(int, input().split()))
    first = {}
    for j, weight in enumerate(weights, 1):
        first.setdefault(weight, j)
        if target - weight in first:
            print(first[target - weight], j)
            return
    print("none")


main()
