import pytest

from web.preferences import Preference, parse_idempotency_key, parse_prefer
from web.problems import MalformedHeaderError


@pytest.mark.parametrize(
    ("header", "preference"),
    [
        ("", Preference(None, is_async=False)),
        ("wait=10", Preference(10, is_async=False)),
        ("Wait = 10", Preference(10, is_async=False)),
        ('wait="10"', Preference(10, is_async=False)),
        ("respond-async", Preference(None, is_async=True)),
        ("respond-async, wait=5", Preference(5, is_async=True)),
        ("wait=5, wait=7", Preference(5, is_async=False)),
        ("wait=5; x=1", Preference(5, is_async=False)),
        ("return=minimal, handling=strict", Preference(None, is_async=False)),
        ("wait=-1, wait=x, wait=, wait=1.5, wait=9999999999", Preference(None, is_async=False)),
    ],
)
def test_preferences_are_read_and_what_is_unknown_or_malformed_is_ignored(header, preference):
    assert parse_prefer(header) == preference


@pytest.mark.parametrize(("header", "key"), [("k-1", "k-1"), ('"k-1"', "k-1"), (" k ", "k"), ("x" * 255, "x" * 255)])
def test_a_key_is_the_same_with_and_without_quotes(header, key):
    assert parse_idempotency_key(header) == key


@pytest.mark.parametrize("header", ["", '""', "a b", "\x7f", "é", "x" * 256])
def test_a_malformed_key_names_its_header(header):
    with pytest.raises(MalformedHeaderError) as caught:
        parse_idempotency_key(header)

    assert [error.name for error in caught.value.errors] == ["Idempotency-Key"]
