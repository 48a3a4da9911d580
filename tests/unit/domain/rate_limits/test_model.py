import pytest

from domain.rate_limits.model import TiersError, Window, parse_tiers


def test_every_tier_has_its_windows_in_the_order_written():
    tiers = parse_tiers("free=1/1,5/60;pro=5/1")

    assert tiers["free"] == (Window(1, 1), Window(5, 60))
    assert tiers["pro"] == (Window(5, 1),)


def test_the_unlimited_tier_always_exists_and_has_no_windows():
    assert parse_tiers("") == {"unlimited": ()}


@pytest.mark.parametrize(
    "text", ["free", "=1/1", "free=", "free=1", "free=0/1", "free=1/0", "free=-1/1", "free=x/1", "a=1/1;a=2/1"]
)
def test_malformed_tiers_are_refused(text):
    with pytest.raises(TiersError):
        parse_tiers(text)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("free", "'free' is no tier; one is written as name=limit/seconds,limit/seconds"),
        ("a=1/1;a=2/1", "the tier 'a' is there twice"),
        ("unlimited=1/1", "the tier 'unlimited' is there already, and has no limits"),
        ("free=1", "'1' is not a window written as limit/seconds"),
    ],
)
def test_what_is_wrong_with_a_tier_is_said(text, reason):
    with pytest.raises(TiersError, match=f"^{reason}"):
        parse_tiers(text)
