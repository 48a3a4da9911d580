"""Hold a program's output against what was expected.

All four rules work on bytes: no encoding is assumed.

``exact``
    Every byte counts, the last newline too.
``lines``
    Line by line; white space at the end of a line (a carriage return is that) and empty lines at the end of the
    output do not count. White space at the beginning of a line does.
``tokens``
    The outputs are the same sequence of words; how much white space parts them, and of which kind, does not count.
``float``
    As ``tokens``, but two words are also alike when both are decimal numbers that differ by at most 1e-6, absolutely
    or relative to the expected one: ``abs(a - b) <= 1e-6 * max(1, abs(b))``, the usual rule of programming contests.
    Numbers are read as IEEE doubles. ``nan``, ``inf`` and numbers beyond a double's range are only like themselves,
    letter by letter.
"""

from __future__ import annotations

import math
import re

from domain.code_runs.model import Compare

TOLERANCE = 1e-6

# Narrower than float(), which would also take "1_000", "infinity" and digits of other scripts.
_DECIMAL = re.compile(rb"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")


def matches(actual: bytes, expected: bytes, compare: Compare) -> bool:
    """Say whether ``actual`` is as good as ``expected`` by the rule ``compare``."""
    if actual == expected:
        return True
    match compare:
        case Compare.EXACT:
            return False
        case Compare.LINES:
            return _lines(actual) == _lines(expected)
        case Compare.TOKENS:
            return actual.split() == expected.split()
        case Compare.FLOAT:
            return _are_alike(actual.split(), expected.split())


def _lines(output: bytes) -> list[bytes]:
    return [line.rstrip() for line in output.rstrip().split(b"\n")]


def _are_alike(actual: list[bytes], expected: list[bytes]) -> bool:
    return len(actual) == len(expected) and all(map(_is_like, actual, expected))


def _is_like(actual: bytes, expected: bytes) -> bool:
    if actual == expected:
        return True
    a, b = _number(actual), _number(expected)
    return a is not None and b is not None and abs(a - b) <= TOLERANCE * max(1.0, abs(b))


def _number(word: bytes) -> float | None:
    if not _DECIMAL.fullmatch(word):
        return None
    number = float(word)
    return number if math.isfinite(number) else None
