"""Counts each kind for itself."""


def check(text):
    for opening, closing in ("()", "[]", "{}"):
        depth = 0
        for position, character in enumerate(text, 1):
            depth += (character == opening) - (character == closing)
            if depth < 0:
                return position
        if depth:
            return text.rindex(opening) + 1
    return "ok"


print(check(input().strip()))
