"""A solution to: Couplings in Order."""

PAIRS = {")": "(", "]": "[", "}": "{"}


def check(text):
    opened = []
    for position, character in enumerate(text, 1):
        if character not in PAIRS:
            opened.append((character, position))
        elif not opened or opened.pop()[0] != PAIRS[character]:
            return position
    return opened[-1][1] if opened else "ok"


print(check(input().strip()))
