"""Ask for much more memory than the limit, and touch it."""

block = bytearray(300 << 20)
print(len(block))
