"""Open files until there are no descriptors left, and keep them."""

import os

held = []
try:
    while len(held) < 100_000:
        held.append(os.open("/dev/null", os.O_RDONLY))
except OSError:
    print("refused")
