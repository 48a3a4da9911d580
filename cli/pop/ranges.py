"""One byte range of a request (RFC 9110, 14.2)."""

from __future__ import annotations

import re


class UnsatisfiableRangeError(Exception):
    """The range begins beyond the end."""


def parse_range(header: str, size_bytes: int) -> range | None:
    """Return the bytes that ``Range`` names; ``None``: ignore it (several ranges, other units).

    Raises:
        UnsatisfiableRangeError: as above.
    """
    found = re.fullmatch(r"bytes=(\d{0,18})-(\d{0,18})", header.strip())
    if not found or not (found[1] or found[2]):
        return None
    if not found[1]:
        wanted = range(max(0, size_bytes - int(found[2])), size_bytes)
    elif found[2] and int(found[2]) < int(found[1]):
        return None
    else:
        wanted = range(int(found[1]), min(int(found[2]) + 1 if found[2] else size_bytes, size_bytes))
    if not wanted:
        raise UnsatisfiableRangeError
    return wanted
