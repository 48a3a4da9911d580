"""When it is decided anew what POPs are to hold."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from domain.cache_refreshes.planning import Which, regions_to_plan
from domain.cache_refreshes.pops import FillWindow, Pop

NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
NIGHT_IN_INDIA = FillWindow(time(2), time(14), "Asia/Kolkata")
"""From 20:30 to 08:30 UTC."""


def a_pop(name: str, region: str = "in", window: FillWindow | None = NIGHT_IN_INDIA) -> Pop:
    return Pop(name, region, "http://a", "http://a", "varnish", 1, window)


@pytest.mark.parametrize(
    ("now", "opened"),
    [
        (datetime(2026, 11, 29, 3, tzinfo=UTC), datetime(2026, 11, 28, 20, 30, tzinfo=UTC)),
        (datetime(2026, 11, 29, 20, 29, tzinfo=UTC), datetime(2026, 11, 28, 20, 30, tzinfo=UTC)),
        (datetime(2026, 11, 29, 20, 30, tzinfo=UTC), datetime(2026, 11, 29, 20, 30, tzinfo=UTC)),
    ],
)
def test_a_window_opened_last_today_or_yesterday(now: datetime, opened: datetime) -> None:
    assert NIGHT_IN_INDIA.opened_at(now) == opened
    assert NIGHT_IN_INDIA.opened_at(now.astimezone(ZoneInfo("America/New_York"))) == opened


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata"])
@pytest.mark.parametrize(("start", "end"), [(time(2), time(14)), (time(2, 30), time(3, 10)), (time(23, 45), time(1))])
def test_a_window_opens_once_on_each_day_of_a_year_whatever_its_clocks_do(zone: str, start: time, end: time) -> None:
    window = FillWindow(start, end, zone)
    hours = [datetime(2026, 1, 1, tzinfo=UTC) + timedelta(hours=number) for number in range(365 * 24)]

    opened = [window.opened_at(now) for now in hours]

    assert opened == sorted(opened)
    assert all(timedelta() <= now - begun <= timedelta(hours=25) for now, begun in zip(hours, opened, strict=True))
    assert len(set(opened)) == 366


def test_a_region_is_due_once_after_a_window_of_one_of_its_pops_has_opened() -> None:
    opened = NIGHT_IN_INDIA.opened_at(NOW)
    pops = [a_pop("blr1"), a_pop("bom1", window=FillWindow(time(9), time(10), "UTC"))]

    def due(*planned_at: datetime) -> frozenset[str]:
        return regions_to_plan(Which.DUE, pops, dict(zip(("blr1", "bom1"), planned_at, strict=True)), NOW)

    assert due(opened - timedelta(seconds=1), NOW) == {"in"}
    # However many nights were missed.
    assert due(opened - timedelta(days=5), NOW) == {"in"}
    assert due(opened, opened) == set()
    assert due(NOW, NOW - timedelta(days=2)) == {"in"}


def test_a_pop_that_was_never_planned_is_due_at_once_and_one_without_a_window_at_two() -> None:
    new, always = a_pop("new1"), a_pop("fra1", "eu", None)

    assert regions_to_plan(Which.DUE, [new, always], {"fra1": NOW.replace(hour=2)}, NOW) == {"in"}
    assert regions_to_plan(Which.DUE, [always], {"fra1": NOW.replace(hour=1)}, NOW) == {"eu"}


def test_regions_are_open_while_one_of_their_pops_may_be_filled() -> None:
    closed = FillWindow(time(9), time(10), "UTC")
    pops = [a_pop("a", "always", None), a_pop("b", "open"), a_pop("c", "open", closed), a_pop("d", "closed", closed)]

    assert regions_to_plan(Which.OPEN, pops, {}, NOW) == {"always", "open"}
    assert regions_to_plan(Which.ALL, pops, {}, NOW) == {"always", "open", "closed"}
    assert regions_to_plan(Which.NONE, pops, {}, NOW) == set()
