"""Why something is missed at the POP that a viewer was sent to, and that prediction and the viewers' way agree."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cache_refreshes.placement import MissReason, Pop, Quality, Rendition, place
from domain.cache_refreshes.viewing import reasons_at, viewing_order

LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
NOW = datetime(2026, 11, 29, tzinfo=UTC)


@pytest.mark.parametrize(
    ("holders", "answering", "reason"),
    [
        (set(), {"a", "b"}, MissReason.NOT_PLACED),
        ({"a"}, {"a", "b"}, MissReason.NOT_FILLED),
        ({"a", "b"}, {"a"}, MissReason.NOT_FILLED),
        ({"b"}, {"a"}, MissReason.POP_DOWN),
        ({"a"}, set(), MissReason.POP_DOWN),
        # More of the title is at a, so its viewers are sent there.
        ({"b"}, {"a", "b"}, MissReason.NOT_PLACED),
    ],
)
def test_why_something_is_missed_at_a(holders: set[str], answering: set[str], reason: MissReason) -> None:
    assert reasons_at("a", {"hd": holders}, answering) == {"hd": reason}


def films(count: int) -> list[Rendition]:
    return [
        Rendition(f"{number}/{quality}", quality, size, LONG_AGO, {"in": [100.0 - number]}, video=str(number))
        for number in range(count)
        for quality, size in ((Quality.SD, 10), (Quality.HD, 30))
    ]


def test_the_renditions_of_a_video_are_placed_together_where_there_is_room() -> None:
    placement = place([Pop(f"p{number}", "in", 400) for number in range(4)], films(20), NOW)

    assert all(placement.holders[f"{number}/sd"][0] == placement.holders[f"{number}/hd"][0] for number in range(20))


@given(st.integers(1, 4), st.integers(0, 12), st.integers(10, 200))
def test_viewers_who_are_sent_in_this_order_find_what_was_predicted(count: int, videos: int, capacity: int) -> None:
    pops = [Pop(f"p{number}", "in", capacity) for number in range(count)]
    renditions = films(videos)
    placement = place(pops, renditions, NOW)
    dice = Random(1)

    asked: Counter[str] = Counter()
    held: Counter[str] = Counter()
    for rendition in renditions:
        holders = [placement.holders.get(f"{rendition.video}/{quality}", ()) for quality in Quality]
        # Only the first are drawn, and all of those are alike.
        chosen = viewing_order(rendition.title, pops, holders, dice)[0]
        share = max(1, sum(chosen in names for names in holders))
        goals = [pop.name for pop in pops if sum(pop.name in names for names in holders) == share] or [chosen]
        for name in goals:
            asked[name] += rendition.views["in"][0] / len(goals)
            held[name] += (name in placement.holders.get(rendition.id, ())) * rendition.views["in"][0] / len(goals)

    expected = {name: held[name] / count for name, count in asked.items() if count}
    assert expected == pytest.approx(placement.hit_ratios)
