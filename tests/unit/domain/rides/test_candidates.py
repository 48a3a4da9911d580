"""Who may be offered which ride."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rides.candidates import Candidates, candidates_by_nearest, candidates_by_supply
from domain.rides.geo import distance_m
from domain.rides.model import OpenSearch, Place
from domain.rides.ports import Supply

NOON = datetime(2026, 5, 5, 12, tzinfo=UTC)
MIDDLE = Place(52.52, 13.405)
# Some 14 km across: farther than anybody is fetched from.
in_town = st.builds(Place, st.floats(52.46, 52.58), st.floats(13.30, 13.50))


def a_search(pickup: Place = MIDDLE, product: str = "standard", excluded: Sequence[str] = ()) -> OpenSearch:
    return OpenSearch(uuid4(), uuid4(), product, pickup, NOON, frozenset(excluded))


def a_supply(places: Sequence[Place], prefix: str = "driver") -> Supply:
    return Supply(
        [f"{prefix}-{number}" for number in range(len(places))],
        np.array([place.latitude for place in places]),
        np.array([place.longitude for place in places]),
    )


def a_row(count: int) -> list[Place]:
    """Places east of the middle, about 70 m apart."""
    return [Place(MIDDLE.latitude, MIDDLE.longitude + 0.001 * number) for number in range(count)]


def pairs(candidates: Candidates) -> set[tuple[int, str]]:
    edges = zip(candidates.rides.tolist(), candidates.drivers.tolist(), strict=True)
    return {(ride, candidates.driver_ids[driver]) for ride, driver in edges}


@given(st.lists(in_town, max_size=8), st.lists(in_town, max_size=30))
def test_everybody_near_enough_is_a_candidate_of_everybody(pickups: list[Place], drivers: list[Place]) -> None:
    searches = [a_search(pickup) for pickup in pickups]

    found = pairs(candidates_by_supply(searches, {"standard": a_supply(drivers)}, max_pickup_m=5000))

    for ride, pickup in enumerate(pickups):
        for driver, place in enumerate(drivers):
            # The flat map is off by less than one per cent.
            if abs(distance_m(pickup, place) - 5000) > 50:
                assert ((ride, f"driver-{driver}") in found) is (distance_m(pickup, place) < 5000)


@pytest.mark.parametrize(("drivers", "count"), [(15, 15), (70, 20), (300, 10)])
def test_the_nearest_are_chosen_and_fewer_where_there_are_many(drivers: int, count: int) -> None:
    searches = [a_search()] * 10

    candidates = candidates_by_supply(searches, {"standard": a_supply(a_row(drivers))})

    assert pairs(candidates) == {(ride, f"driver-{number}") for ride in range(10) for number in range(count)}


def test_in_a_crowd_everybody_is_told_of_drivers_farther_away_until_all_could_be_served() -> None:
    searches = [a_search()] * 70

    candidates = candidates_by_supply(searches, {"standard": a_supply(a_row(200))}, max_pickup_m=20_000)

    # Three rounds serve 60 rides with twenty drivers each, and a fourth the rest.
    assert pairs(candidates) == {(ride, f"driver-{number}") for ride in range(70) for number in range(80)}


def test_excluded_drivers_are_replaced_by_the_next() -> None:
    excluded = [f"driver-{number}" for number in range(15)]
    supply = a_supply(a_row(60))

    candidates = candidates_by_supply([a_search(excluded=excluded), *[a_search()] * 9], {"standard": supply})

    found = pairs(candidates)
    assert {driver for ride, driver in found if ride == 0} == {f"driver-{number}" for number in range(15, 35)}
    assert {driver for ride, driver in found if ride == 1} == {f"driver-{number}" for number in range(20)}


def test_only_drivers_of_the_right_product_are_candidates() -> None:
    searches = [a_search(product="van"), a_search(), a_search(product="van"), a_search(product="rocket")]
    supplies = {"standard": a_supply(a_row(2), "car"), "van": a_supply(a_row(1), "van"), "comfort": a_supply([])}

    candidates = candidates_by_supply(searches, supplies)

    assert pairs(candidates) == {(0, "van-0"), (1, "car-0"), (1, "car-1"), (2, "van-0")}
    by_id = dict(zip(candidates.driver_ids, candidates.places, strict=True))
    assert by_id == {"car-0": a_row(1)[0], "car-1": a_row(2)[1], "van-0": a_row(1)[0]}


def test_only_whoever_is_a_candidate_of_somebody_is_named() -> None:
    far = Place(52.9, 13.405)

    candidates = candidates_by_supply([a_search()], {"standard": a_supply([far, MIDDLE, far])})

    assert list(candidates.driver_ids) == ["driver-1"]
    assert list(candidates.places) == [MIDDLE]


def test_what_the_index_says_is_taken_but_for_the_excluded_and_those_who_have_gone() -> None:
    searches = [a_search(excluded=["a"]), a_search()]
    nearest = [[("a", 10.0), ("b", 20.0), ("gone", 30.0)], [("b", 15.0), ("a", 25.0)]]

    candidates = candidates_by_nearest(searches, nearest, {"a": MIDDLE, "b": a_row(2)[1]})

    assert pairs(candidates) == {(0, "b"), (1, "b"), (1, "a")}
    assert list(candidates.driver_ids) == ["b", "a"]
    assert list(candidates.places) == [a_row(2)[1], MIDDLE]


@pytest.mark.parametrize("candidates", [candidates_by_nearest([], [], {}), candidates_by_supply([], {})])
def test_without_searches_there_are_no_candidates(candidates: Candidates) -> None:
    assert pairs(candidates) == set()
    assert list(candidates.driver_ids) == []
