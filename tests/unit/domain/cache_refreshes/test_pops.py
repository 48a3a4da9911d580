"""When a POP is filled, with which key it is driven, and where none can be."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import pytest

from domain.cache_refreshes.pops import FillWindow, InvalidAddressError, PopHealth, control_key, parse_address

NIGHT = FillWindow(time(23), time(5), "Europe/Berlin")
NOON = FillWindow(time(12), time(13, 30), "America/New_York")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("window", "now", "is_open"),
    [
        (NIGHT, "2026-01-10 21:59", False),
        (NIGHT, "2026-01-10 22:00", True),
        (NIGHT, "2026-01-11 03:59", True),
        (NIGHT, "2026-01-11 04:00", False),
        # In summer the same clock is an hour earlier.
        (NIGHT, "2026-07-10 21:00", True),
        (NIGHT, "2026-07-11 03:00", False),
        (NOON, "2026-01-10 17:00", True),
        (NOON, "2026-01-10 18:30", False),
        (NOON, "2026-01-10 12:00", False),
    ],
)
def test_a_window_is_open_by_the_clock_of_its_place(window: FillWindow, now: str, is_open: bool) -> None:
    assert window.is_open(utc(now)) is is_open


def test_a_window_that_is_closed_opens_at_its_next_begin() -> None:
    assert NIGHT.opens_at(utc("2026-01-10 12:00")) == utc("2026-01-10 22:00")
    assert NIGHT.opens_at(utc("2026-01-10 23:00")) == utc("2026-01-10 23:00")
    assert NOON.opens_at(utc("2026-01-10 19:00")) == utc("2026-01-11 17:00")


def test_the_night_in_which_clocks_go_forward_is_an_hour_shorter() -> None:
    # In 2026 Berlin's clocks went from two to three on the 29th of March.
    assert NIGHT.is_open(utc("2026-03-29 02:59"))
    assert not NIGHT.is_open(utc("2026-03-29 03:00"))


def test_a_key_depends_on_the_pop_and_the_secret() -> None:
    keys = {control_key("secret", "blr1"), control_key("secret", "fra1"), control_key("other", "blr1")}

    assert len(keys) == 3
    assert control_key("secret", "blr1") == "869f2bb94595c892dcb40b70e655b87a0d0700be720c7ea1dc105577b1269e11"


@pytest.mark.parametrize(
    "address",
    ["http://varnish:8080", "https://pop.example", "http://10.0.0.7:6081", "http://127.0.0.1:80", "http://[fd00::1]:80"],
)  # fmt: skip
def test_a_pop_may_be_anywhere_where_servers_are(address: str) -> None:
    assert parse_address(f"{address}/") == address


@pytest.mark.parametrize(
    "address",
    [
        "", "varnish:8080", "ftp://varnish", "file:///etc/passwd", "http://", "http://:80", "http://host:99999",
        "http://user:word@host", "http://host?a=1", "http://host#a", "http://ho st", "http://host/../x", "http://host\n",
        "http://169.254.169.254", "http://[fe80::1]", "http://[::ffff:169.254.169.254]", "http://0.0.0.0", "http://[::]",
        "http://224.0.0.1", "http://2852039166", "http://0xa9fea9fe", "http://169.254.43518", "http://127.0.0.0x1",
        "http://host:0", "http://hö.st", "http://a..b", "http://" + 500 * "a",
    ],
)  # fmt: skip
def test_nothing_else_is_an_address_of_a_pop(address: str) -> None:
    with pytest.raises(InvalidAddressError):
        parse_address(address)


def test_a_pop_is_healthy_that_answered_lately_and_at_the_last_try() -> None:
    now = utc("2026-01-10 12:00")

    assert PopHealth(now - timedelta(minutes=2)).is_healthy(now)
    assert not PopHealth(now - timedelta(minutes=2), "connection refused").is_healthy(now)
    assert not PopHealth(now - timedelta(minutes=4)).is_healthy(now)
    assert not PopHealth().is_healthy(now)
