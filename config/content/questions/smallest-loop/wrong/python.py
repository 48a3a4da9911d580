"""Takes for granted that the piece ends with a whole round."""


def main():
    text = input().strip()
    for length in range(1, len(text) + 1):
        if len(text) % length == 0 and text[:length] * (len(text) // length) == text:
            print(length)
            return


main()
