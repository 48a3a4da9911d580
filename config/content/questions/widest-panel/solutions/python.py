"""A solution to: The Largest Poster on the Fence."""


def main():
    input()
    heights = [*map(int, input().split()), 0]
    best = 0
    rising = []  # Pairs of the place where a height begins, and the height.
    for place, height in enumerate(heights):
        begin = place
        while rising and rising[-1][1] >= height:
            begin, higher = rising.pop()
            best = max(best, (place - begin) * higher)
        rising.append((begin, height))
    print(best)


main()
