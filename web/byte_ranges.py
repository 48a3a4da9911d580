"""One byte range of a request (RFC 9110, section 14)."""

from __future__ import annotations

import re

_RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII | re.IGNORECASE)


class UnsatisfiableRangeError(Exception):
    """The range begins behind the end."""


def parse_range(header: str, size_bytes: int) -> range | None:
    """Return the bytes that a ``Range`` header asks for; ``None``: all of them, as of a header that makes no sense.

    Of several ranges none is served alone: whoever asks for many is given the whole, as the RFC allows.

    Raises:
        UnsatisfiableRangeError: there are no such bytes.
    """
    match = _RANGE.fullmatch(header.strip())
    if match is None or match[1] == match[2] == "":
        return None
    first, last = match[1], match[2]
    if first == "":
        wanted = range(max(0, size_bytes - int(last)), size_bytes)
    elif last and int(last) < int(first):
        return None
    else:
        wanted = range(int(first), min(int(last) + 1, size_bytes) if last else size_bytes)
    if not wanted:
        raise UnsatisfiableRangeError
    return wanted
