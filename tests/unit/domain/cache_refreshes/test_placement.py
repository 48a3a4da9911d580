"""What POPs should hold: the most wanted, within their capacity, and as little moved as can be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.cache_refreshes.placement import (
    MissReason,
    Placement,
    PlacementRules,
    Pop,
    Quality,
    Rendition,
    miss_reason,
    place,
    preferred_pops,
)

NOW = datetime(2026, 11, 29, 3, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=400)
# One copy of each, so that nothing but the hash decides where it goes.
SINGLE = PlacementRules(further_copy_worth=0.0)

names = st.text("abcdef", min_size=1, max_size=4)
views = st.lists(st.integers(0, 1000).map(float), max_size=4)


def a_rendition(
    name: str, size_bytes: int = 10, views: Sequence[float] = (), *, quality: Quality = Quality.SD, region: str = "in"
) -> Rendition:
    return Rendition(name, quality, size_bytes, LONG_AGO, {region: views})


def some(count: int, size_bytes: int = 10) -> list[Rendition]:
    """Return renditions of one size, each less viewed than the one before."""
    return [a_rendition(f"r{number}", size_bytes, [1000.0 - number]) for number in range(count)]


def a_region(count: int, capacity_bytes: int) -> list[Pop]:
    return [Pop(f"pop-{number}", "in", capacity_bytes) for number in range(count)]


def sizes(renditions: Sequence[Rendition]) -> dict[str, int]:
    return {rendition.id: rendition.size_bytes for rendition in renditions}


def changed(before: Placement, after: Placement) -> dict[str, tuple[tuple[str, ...], tuple[str, ...]]]:
    ids = before.holders.keys() | after.holders.keys()
    pairs = {key: (before.holders.get(key, ()), after.holders.get(key, ())) for key in ids}
    return {key: (old, new) for key, (old, new) in pairs.items() if old != new}


@st.composite
def catalogues(draw: st.DrawFn) -> list[Rendition]:
    return [
        Rendition(
            name, draw(st.sampled_from(Quality)), draw(st.integers(1, 50)),
            NOW + timedelta(days=draw(st.sampled_from([-400, -1, 1, 30]))), {"in": draw(views), "us": draw(views)},
        )
        for name in draw(st.sets(names, max_size=30))
    ]  # fmt: skip


@st.composite
def fleets(draw: st.DrawFn) -> list[Pop]:
    return [
        Pop(name, draw(st.sampled_from(["in", "us"])), draw(st.integers(0, 300)))
        for name in draw(st.sets(names, min_size=1, max_size=6))
    ]


@given(fleets(), catalogues(), fleets(), catalogues())
def test_no_pop_is_overfull_and_every_copy_is_whole(
    pops: list[Pop], catalogue: list[Rendition], pops_before: list[Pop], catalogue_before: list[Rendition]
) -> None:
    before = place(pops_before, catalogue_before, NOW)

    placement = place(pops, catalogue, NOW, before)

    size_bytes = sizes(catalogue)
    for pop in pops:
        assert sum(size_bytes[key] for key in placement.held_by(pop.name)) <= pop.capacity_bytes
        assert 0 <= placement.hit_ratios.get(pop.name, 0.0) <= 1
    for holders in placement.holders.values():
        assert holders
        assert len(set(holders)) == len(holders)
        assert set(holders) <= {pop.name for pop in pops}


@given(fleets(), catalogues(), fleets(), catalogues())
def test_what_was_placed_is_placed_again_when_nothing_changes(
    pops: list[Pop], catalogue: list[Rendition], pops_before: list[Pop], catalogue_before: list[Rendition]
) -> None:
    first = place(pops, catalogue, NOW, place(pops_before, catalogue_before, NOW))

    second = place(pops, catalogue, NOW, first)

    assert {key: set(holders) for key, holders in second.holders.items()} == {
        key: set(holders) for key, holders in first.holders.items()
    }


@given(fleets(), catalogues(), st.randoms(use_true_random=False))
def test_the_order_in_which_things_are_named_changes_nothing(
    pops: list[Pop], catalogue: list[Rendition], random: Random
) -> None:
    shuffled_pops, shuffled = list(pops), list(catalogue)
    random.shuffle(shuffled_pops)
    random.shuffle(shuffled)

    assert place(shuffled_pops, shuffled, NOW) == place(pops, catalogue, NOW)


@given(fleets(), catalogues())
def test_a_copy_of_what_is_wanted_is_left_out_only_where_there_is_no_room(
    pops: list[Pop], catalogue: list[Rendition]
) -> None:
    placement = place(pops, catalogue, NOW)

    size_bytes = sizes(catalogue)
    free = {
        pop.name: pop.capacity_bytes - sum(size_bytes[key] for key in placement.held_by(pop.name)) for pop in pops
    }
    for pop in pops:
        for rendition in catalogue:
            if any(rendition.views[pop.region]) and pop.name not in placement.holders.get(rendition.id, ()):
                assert free[pop.name] < rendition.size_bytes


def test_what_is_viewed_most_per_byte_is_placed() -> None:
    heavy, light = a_rendition("heavy", 90, [600.0]), a_rendition("light", 50, [500.0])

    placement = place(a_region(1, 100), [heavy, light], NOW)

    assert placement.holders == {"light": ("pop-0",)}
    assert placement.hit_ratios == {"pop-0": 500 / 1100}


def test_yesterday_counts_more_than_last_week() -> None:
    rising, falling = a_rendition("rising", 60, [90.0, 50.0, 10.0]), a_rendition("falling", 60, [10.0, 50.0, 95.0])

    placement = place(a_region(1, 100), [rising, falling], NOW)

    assert set(placement.holders) == {"rising"}


def test_what_is_viewed_elsewhere_is_not_placed_here() -> None:
    pops = [Pop("blr", "in", 100), Pop("iad", "us", 100)]
    catalogue = [a_rendition("cricket", views=[9.0]), a_rendition("baseball", views=[9.0], region="us")]

    placement = place(pops, catalogue, NOW)

    assert placement.holders == {"cricket": ("blr",), "baseball": ("iad",)}


@pytest.mark.parametrize("days", [-1, 1])
def test_a_new_title_is_placed_before_anybody_viewed_it(days: int) -> None:
    new = replace(a_rendition("new"), released_at=NOW + timedelta(days=days))

    placement = place(a_region(1, 50), [*some(10), new], NOW)

    assert "new" in placement.holders


def test_an_old_title_that_nobody_views_is_not_placed() -> None:
    assert place(a_region(1, 100), [a_rendition("old")], NOW).holders == {}


def test_many_new_titles_do_not_drive_out_what_is_viewed() -> None:
    new = [replace(a_rendition(f"new-{number}"), released_at=NOW) for number in range(50)]

    placement = place(a_region(1, 100), [*some(50), *new], NOW)

    assert len(placement.holders.keys() & sizes(new).keys()) == 2
    assert {f"r{number}" for number in range(8)} <= placement.holders.keys()


def test_where_room_is_short_sd_goes_before_hd() -> None:
    hd = [a_rendition(f"hd{number}", 20, [1000.0 - number], quality=Quality.HD) for number in range(10)]
    sd = [a_rendition(f"sd{number}", 10, [100.0 - number]) for number in range(10)]

    placement = place(a_region(1, 100), [*hd, *sd], NOW)

    assert set(placement.holders) == {"hd0", "hd1", "hd2", "hd3", "sd0", "sd1"}


def test_further_copies_come_behind_the_first_ones_of_what_is_worth_more() -> None:
    rare, common = a_rendition("rare", 10, [40.0]), a_rendition("common", 10, [60.0])

    # A further copy of what is viewed 990 times a day counts as much as one of what is viewed 50 times.
    without, with_it = (place(a_region(2, 70), [*some(10), tail], NOW) for tail in (rare, common))

    assert without.holders.keys() == sizes(some(10)).keys()
    assert with_it.holders.keys() == {*sizes(some(10)), "common"}
    assert [sum(map(len, each.holders.values())) for each in (without, with_it)] == [14, 14]


def test_a_newcomer_must_be_better_by_a_margin() -> None:
    incumbent, challenger = a_rendition("incumbent", 60, [100.0]), a_rendition("challenger", 60, [90.0])
    pops = a_region(1, 100)
    before = place(pops, [incumbent, challenger], NOW)

    slightly = place(pops, [incumbent, replace(challenger, views={"in": [115.0]})], NOW, before)
    clearly = place(pops, [incumbent, replace(challenger, views={"in": [125.0]})], NOW, before)

    assert [set(each.holders) for each in (before, slightly, clearly)] == [
        {"incumbent"},
        {"incumbent"},
        {"challenger"},
    ]


def test_hd_that_was_placed_does_not_wait_for_sd_because_of_a_small_change() -> None:
    sd = [a_rendition(f"sd{number}", 10, [10.0]) for number in range(10)]
    first, second = (a_rendition(name, 40, [400.0], quality=Quality.HD) for name in ("first", "second"))
    before = place(a_region(1, 100), [*sd, first, second], NOW)

    # Beside a larger rendition the second one ends beyond the share of the most viewed.
    now = [*sd, replace(first, size_bytes=41), second]

    assert {"first", "second"} <= place(a_region(1, 100), now, NOW, before).holders.keys()
    assert "first" not in place(a_region(1, 100), now, NOW).holders


@given(st.integers(1, 3), st.lists(st.floats(0.92, 1.08), min_size=60, max_size=60))
def test_small_changes_of_popularity_move_nothing(count: int, factors: list[float]) -> None:
    pops, catalogue = a_region(count, 100), some(60)
    before = place(pops, catalogue, NOW, rules=SINGLE)

    now = [
        replace(rendition, views={"in": [rendition.views["in"][0] * factor]})
        for rendition, factor in zip(catalogue, factors, strict=True)
    ]

    assert set(place(pops, now, NOW, before, SINGLE).holders) == set(before.holders)


def test_without_the_margin_they_would() -> None:
    pops, catalogue = a_region(1, 100), some(60)
    before = place(pops, catalogue, NOW, rules=SINGLE)
    now = [
        replace(each, views={"in": [each.views["in"][0] * (1.05 if number % 2 else 0.95)]})
        for number, each in enumerate(catalogue)
    ]

    def newly_placed(margin: float) -> int:
        rules = replace(SINGLE, margin=margin)
        return len(place(pops, now, NOW, before, rules).holders.keys() - before.holders.keys())

    assert (newly_placed(0.2), newly_placed(0.0)) == (0, 5)


@given(st.integers(1, 5), st.integers(0, 1000))
def test_a_pop_that_joins_takes_its_share_and_nothing_else_moves(count: int, salt: int) -> None:
    catalogue = [replace(rendition, id=f"{salt}-{rendition.id}") for rendition in some(60)]
    *old, new = a_region(count + 1, 1000)
    before = place(old, catalogue, NOW, rules=SINGLE)

    after = place([*old, new], catalogue, NOW, before, SINGLE)

    moved = changed(before, after)
    assert all(there == (new.name,) for _, there in moved.values())
    assert moved.keys() == {key for key in sizes(catalogue) if preferred_pops(key, [*old, new])[0] == new.name}


@given(st.integers(2, 6), st.integers(0, 1000))
def test_of_a_pop_that_leaves_the_others_take_over_and_nothing_else_moves(count: int, salt: int) -> None:
    catalogue = [replace(rendition, id=f"{salt}-{rendition.id}") for rendition in some(60)]
    gone, *left = a_region(count, 1000)
    before = place([gone, *left], catalogue, NOW, rules=SINGLE)

    after = place(left, catalogue, NOW, before, SINGLE)

    assert changed(before, after).keys() == before.held_by(gone.name)
    assert after.holders.keys() == before.holders.keys()


def test_a_pop_that_joins_full_ones_takes_from_them_only_what_it_holds_then() -> None:
    *old, new = a_region(4, 100)
    before = place(old, some(60), NOW, rules=SINGLE)

    after = place([*old, new], some(60), NOW, before, SINGLE)

    assert {key for key, (was, _) in changed(before, after).items() if was} <= after.held_by(new.name)
    assert len(after.holders) == 40


def test_copies_spread_over_the_pops_by_their_capacity() -> None:
    pops = [Pop("small", "in", 10_000), Pop("large", "in", 30_000)]

    placement = place(pops, some(1000), NOW, rules=SINGLE)

    assert 200 < len(placement.held_by("small")) < 300
    assert len(placement.held_by("large")) == 1000 - len(placement.held_by("small"))


def test_a_pop_without_capacity_holds_nothing() -> None:
    placement = place([Pop("none", "in", 0), *a_region(1, 1000)], some(5), NOW)

    assert placement.held_by("none") == set()
    assert placement.hit_ratios == {"pop-0": 1.0}


def test_without_views_no_hit_ratio_is_predicted() -> None:
    unseen = [replace(each, views={"in": (0.0, 0.0)}, released_at=NOW) for each in some(3)]

    placement = place(a_region(2, 1000), unseen, NOW)

    assert placement.holders
    assert placement.hit_ratios == {}


def test_the_predicted_hit_ratio_counts_a_pops_own_requests() -> None:
    pops = a_region(2, 30)
    catalogue = some(20)

    placement = place(pops, catalogue, NOW, rules=SINGLE)

    wanted = {each.id: each.views["in"][0] for each in catalogue}
    first: Mapping[str, str] = {key: preferred_pops(key, pops)[0] for key in wanted}
    for pop in pops:
        hits = sum(wanted[key] for key in placement.held_by(pop.name))
        misses = sum(wanted[key] for key in wanted if key not in placement.holders and first[key] == pop.name)
        assert placement.hit_ratios[pop.name] == pytest.approx(hits / (hits + misses))


@pytest.mark.parametrize(
    ("holders", "up", "reason"),
    [
        ((), {"a"}, MissReason.NOT_PLACED),
        (("a", "b"), {"c"}, MissReason.POP_DOWN),
        (("a", "b"), {"b", "c"}, MissReason.NOT_FILLED),
    ],
)
def test_a_miss_has_a_reason(holders: tuple[str, ...], up: set[str], reason: MissReason) -> None:
    assert miss_reason(holders, up) is reason
