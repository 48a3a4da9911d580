"""Multiplies all periods that are different."""

from math import prod

input()
print(prod(set(map(int, input().split()))))
