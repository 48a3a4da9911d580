"""When it is decided anew what POPs are to hold: nightly, when the window opens in which they are filled."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, time
from enum import StrEnum

from domain.cache_refreshes.pops import FillWindow, Pop

NIGHT = FillWindow(time(2), time(14), "UTC")
"""When it is night for a POP without a window of its own."""


class Which(StrEnum):
    """Which regions are planned: POPs of a region share its renditions, so it is planned as a whole.

    ``due``: the window of one of its POPs has opened since that was planned last, however often it did. ``open``: one
    of its POPs may be filled now; for the others it would change nothing but where viewers are sent to. ``all``:
    somebody wants it. ``none``: only what was decided is carried out.
    """

    DUE = "due"
    OPEN = "open"
    ALL = "all"
    NONE = "none"


def regions_to_plan(
    which: Which, pops: Iterable[Pop], planned_at: Mapping[str, datetime], now: datetime
) -> frozenset[str]:
    """Return the regions for which it is decided now; ``planned_at`` says when it was last, for each POP."""
    return frozenset(pop.region for pop in pops if _is_wanted(which, pop, planned_at.get(pop.name), now))


def _is_wanted(which: Which, pop: Pop, planned_at: datetime | None, now: datetime) -> bool:
    match which:
        case Which.DUE:
            return planned_at is None or planned_at < (pop.fill_window or NIGHT).opened_at(now)
        case Which.OPEN:
            return pop.fill_window is None or pop.fill_window.is_open(now)
    return which is Which.ALL
