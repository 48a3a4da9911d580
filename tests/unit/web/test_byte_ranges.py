"""Which bytes a ``Range`` header asks for."""

from __future__ import annotations

import pytest

from web.byte_ranges import UnsatisfiableRangeError, parse_range


@pytest.mark.parametrize(
    ("header", "expected"),
    [("bytes=0-0", range(1)), ("bytes=5-", range(5, 10)), ("bytes=-3", range(7, 10)), ("bytes=-30", range(10)),
     ("bytes=8-99", range(8, 10)), ("bytes=5-2", None), ("bytes=0-1,3-4", None), ("lines=1-2", None),
     ("bytes=-", None), ("bytes=a-b", None)],
)  # fmt: skip
def test_ranges(header: str, expected: range | None) -> None:
    assert parse_range(header, 10) == expected


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=99-100", "bytes=-0"])
def test_a_range_beyond_the_end_cannot_be_had(header: str) -> None:
    with pytest.raises(UnsatisfiableRangeError):
        parse_range(header, 10)
