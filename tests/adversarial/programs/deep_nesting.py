"""Nest directories far deeper than any path can name."""

import os

made = 0
try:
    while made < 20_000:
        os.mkdir("d" * 100)
        os.chdir("d" * 100)
        made += 1
except OSError:
    pass
print("nested" if made > 100 else made)
