"""A solution to: A Pair That Fills the Crane."""


def main():
    n, target = map(int, input().split())
    weights = list(map(int, input().split()))
    first = {}
    for j, weight in enumerate(weights, 1):
        i = first.get(target - weight)
        if i is not None:
            print(i, j)
            return
        first.setdefault(weight, j)
    print("none")


main()
