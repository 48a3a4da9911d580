"""The four rules of comparing outputs."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.code_runs.compare import matches
from domain.code_runs.model import Compare


@pytest.mark.parametrize(
    ("actual", "expected", "is_match"),
    [
        (b"1\n", b"1\n", True),
        (b"1", b"1\n", False),
        (b"1 \n", b"1\n", False),
        (b"", b"", True),
        (b"\xff\x00", b"\xff\x00", True),
    ],
)
def test_exact_counts_every_byte(actual: bytes, expected: bytes, is_match: bool) -> None:
    assert matches(actual, expected, Compare.EXACT) is is_match


@pytest.mark.parametrize(
    ("actual", "expected", "is_match"),
    [
        (b"a \t\r\nb", b"a\nb\n", True),
        (b"a\nb\n\n \n", b"a\nb", True),
        (b" a", b"a", False),
        (b"a\n\nb", b"a\nb", False),
        (b"\na", b"a", False),
        (b"a  b", b"a b", False),
        (b"", b"\n\n", True),
    ],
)
def test_lines_forgives_white_space_at_the_ends_only(actual: bytes, expected: bytes, is_match: bool) -> None:
    assert matches(actual, expected, Compare.LINES) is is_match


@pytest.mark.parametrize(
    ("actual", "expected", "is_match"),
    [
        (b"1 2\n3", b" 1\t2 3\r\n", True),
        (b"12 3", b"1 23", False),
        (b"1 2", b"1 2 3", False),
        (b"1.0", b"1", False),
    ],
)
def test_tokens_forgives_all_white_space(actual: bytes, expected: bytes, is_match: bool) -> None:
    assert matches(actual, expected, Compare.TOKENS) is is_match


@pytest.mark.parametrize(
    ("actual", "expected", "is_match"),
    [
        (b"0.3333333", b"0.33333333333", True),
        (b"0.33333", b"0.33333333333", False),
        (b"1000000.9", b"1000000", True),
        (b"1000002", b"1000000", False),
        (b"0.0000005", b"0", True),
        (b"+.5e1", b"5", True),
        (b"x = 1.0", b"x = 1", True),
        (b"y = 1.0", b"x = 1", False),
        (b"1 2", b"1", False),
        (b"nan", b"NaN", False),
        (b"nan", b"nan", True),
        (b"inf", b"1e308", False),
        (b"1e999", b"9e999", False),
        (b"1_000", b"1000", False),
        (b"0x10", b"16", False),
        (b"\xd9\xa1", b"1", False),
    ],
)
def test_float_forgives_a_millionth(actual: bytes, expected: bytes, is_match: bool) -> None:
    assert matches(actual, expected, Compare.FLOAT) is is_match


@given(st.binary(), st.sampled_from(Compare))
def test_every_output_is_as_good_as_itself(output: bytes, compare: Compare) -> None:
    assert matches(output, output, compare)


@given(st.binary(), st.binary())
def test_each_rule_forgives_all_that_the_one_before_it_does(actual: bytes, expected: bytes) -> None:
    verdicts = [matches(actual, expected, compare) for compare in (Compare.EXACT, Compare.LINES, Compare.TOKENS)]

    assert verdicts == sorted(verdicts)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_like_itself_however_it_is_written(number: float) -> None:
    assert matches(f"{number:.17e}".encode(), repr(number).encode(), Compare.FLOAT)
