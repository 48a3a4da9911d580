"""A solution to: Unfolding a Whistle Pattern."""


def unfold(pattern, place):
    """Return what the pattern from ``place`` means, and where it ends."""
    parts = []
    count = 0
    while place < len(pattern) and pattern[place] != ")":
        character = pattern[place]
        place += 1
        if character.isdigit():
            count = 10 * count + int(character)
        elif character == "(":
            inner, place = unfold(pattern, place)
            parts.append(inner * count)
            count = 0
        else:
            parts.append(character)
    return "".join(parts), place + 1


print(unfold(input().strip(), 0)[0])
