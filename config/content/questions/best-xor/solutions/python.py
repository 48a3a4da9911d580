"""A solution to: The Most Different Signals."""


def main():
    input()
    signals = list(map(int, input().split()))
    best = 0
    for bit in range(30, -1, -1):
        wanted = best >> bit | 1
        prefixes = {signal >> bit for signal in signals}
        if any(prefix ^ wanted in prefixes for prefix in prefixes):
            best |= 1 << bit
    print(best)


main()
