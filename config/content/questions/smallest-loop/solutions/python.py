"""A solution to: The Shortest Printing Roller."""


def main():
    text = input().strip()
    borders = [0] * len(text)
    border = 0
    for end in range(1, len(text)):
        while border and text[border] != text[end]:
            border = borders[border - 1]
        if text[border] == text[end]:
            border += 1
        borders[end] = border
    print(len(text) - borders[-1])


main()
