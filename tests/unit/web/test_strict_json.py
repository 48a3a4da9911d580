import math

import pytest

from web.problems import MalformedBodyError
from web.strict_json import MAX_DEPTH, parse_json


def test_a_plain_body_is_parsed():
    assert parse_json('{"a": [1, "é", null]}'.encode()) == {"a": [1, "é", None]}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{'a': 1}",
        b'{"a": 1,}',
        b"\xff\xfe",
        b'{"a": "\xc3"}',
        b'{"a": "\t"}',
        b"\xef\xbb\xbf{}",
        b'{"a": 1} x',
        b'{"n": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_not_json_is_malformed(body):
    with pytest.raises(MalformedBodyError):
        parse_json(body)


def test_a_repeated_member_is_named():
    with pytest.raises(MalformedBodyError, match="'source' occurs twice"):
        parse_json(b'{"source": "1", "source": "2"}')


@pytest.mark.parametrize("opening", [b"[", b'{"a":'])
@pytest.mark.parametrize("depth", [MAX_DEPTH + 1, 200_000])
def test_deep_nesting_is_refused(opening, depth):
    with pytest.raises(MalformedBodyError, match="nested deeper"):
        parse_json(opening * depth)


def test_brackets_in_strings_are_not_nesting():
    text = "[{" * 1000 + '\\"[[['

    assert parse_json(('{"source": "' + text.replace('\\"', '\\"') + '"}').encode())


def test_many_brackets_that_close_again_are_not_deep():
    assert parse_json(b"[" + b",".join([b"[]"] * 1000) + b"]")


def test_numbers_that_json_does_not_know_reach_the_schema_which_names_their_field():
    parsed = parse_json(b'{"cpu_s": NaN}')

    assert isinstance(parsed, dict)
    assert math.isnan(parsed["cpu_s"])
