"""Which driver is offered which ride."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rides.candidates import candidates_by_nearest, candidates_by_supply
from domain.rides.eta import HaversineEta
from domain.rides.matching import Matching, MatchingRules, Policy, match
from domain.rides.model import OpenSearch, Place
from domain.rides.ports import EtaProvider, Etas, Supply
from tests.cities import DEMO_CITY

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
MIDDLE = DEMO_CITY.centre
ETA = HaversineEta(DEMO_CITY, lambda: NOW)
OPTIMAL = MatchingRules()
GREEDY = MatchingRules(policy=Policy.GREEDY)
# No two of these are farther apart than drivers are asked.
around = st.builds(Place, st.floats(52.50, 52.53), st.floats(13.38, 13.43))


def east(kilometres: float) -> Place:
    return Place(MIDDLE.latitude, MIDDLE.longitude + kilometres / 67.7)


def a_search(pickup: Place = MIDDLE, waited_s: float = 0, excluded: Sequence[str] = ()) -> OpenSearch:
    searching_since = NOW - timedelta(seconds=waited_s)
    return OpenSearch(uuid4(), uuid4(), "standard", pickup, searching_since, frozenset(excluded))


def tick(
    searches: Sequence[OpenSearch],
    drivers: Sequence[Place],
    rules: MatchingRules = OPTIMAL,
    idle_s: Sequence[float] | None = None,
    eta: EtaProvider = ETA,
) -> Matching:
    """Match ``searches`` with drivers called 0, 1, 2 …, who have all just become free unless ``idle_s`` is given."""
    ids = [str(number) for number in range(len(drivers))]
    latitudes, longitudes = [each.latitude for each in drivers], [each.longitude for each in drivers]
    supply = Supply(ids, np.array(latitudes), np.array(longitudes))
    idle_since = {
        name: NOW - timedelta(seconds=each) for name, each in zip(ids, idle_s or [0] * len(ids), strict=True)
    }
    return match(candidates_by_supply(searches, {"standard": supply}), idle_since, eta, rules, NOW)


def offered(matching: Matching, search: OpenSearch) -> str | None:
    return next((offer.driver_id for offer in matching.offers if offer.ride_id == search.ride_id), None)


def test_the_offer_names_the_ride_the_search_the_driver_and_the_time_to_the_pickup() -> None:
    search = a_search()

    (offer,) = tick([search], [east(1)]).offers

    assert (offer.ride_id, offer.search_id, offer.driver_id) == (search.ride_id, search.search_id, "0")
    assert offer.pickup_eta_s == round(float(ETA.pairs([east(1)], [MIDDLE]).seconds[0]))
    assert offer.eta_source == "haversine"


def test_two_rides_are_served_better_together_than_in_turn() -> None:
    # Both are nearest to the driver between them; only one of them has another choice nearby.
    first, second = a_search(east(0), waited_s=10), a_search(east(1.5))
    drivers = [east(0.7), east(-0.8)]

    together, in_turn = tick([first, second], drivers), tick([first, second], drivers, GREEDY)

    assert (offered(together, first), offered(together, second)) == ("1", "0")
    assert (offered(in_turn, first), offered(in_turn, second)) == ("0", "1")
    assert sum(o.pickup_eta_s for o in together.offers) < sum(o.pickup_eta_s for o in in_turn.offers)


@given(st.lists(st.tuples(around, st.sets(st.integers(0, 9))), max_size=10), st.lists(around, max_size=10))
def test_nobody_is_offered_two_rides_nor_one_that_excludes_them(
    rides: list[tuple[Place, set[int]]], drivers: list[Place]
) -> None:
    searches = [a_search(pickup, excluded=[str(each) for each in excluded]) for pickup, excluded in rides]

    for rules in (OPTIMAL, GREEDY):
        offers = tick(searches, drivers, rules).offers

        excluded = {search.ride_id: search.excluded_drivers for search in searches}
        assert len({offer.driver_id for offer in offers}) == len({offer.ride_id for offer in offers}) == len(offers)
        assert [offer for offer in offers if offer.driver_id in excluded[offer.ride_id]] == []


@given(st.lists(around, min_size=1, max_size=15), st.lists(around, min_size=15, max_size=20))
def test_all_are_served_when_drivers_are_enough(pickups: list[Place], drivers: list[Place]) -> None:
    assert tick([a_search(pickup) for pickup in pickups], drivers).statistics.unserved == 0


@given(st.lists(st.tuples(around, st.integers(0, 300)), max_size=12), st.lists(around, max_size=12))
def test_the_optimum_costs_no_more_than_taking_turns(rides: list[tuple[Place, int]], drivers: list[Place]) -> None:
    searches = [a_search(pickup, waited_s) for pickup, waited_s in rides]

    def total(matching: Matching) -> float:
        served = {offer.ride_id: offer.pickup_eta_s for offer in matching.offers}
        return sum(
            served.get(search.ride_id, OPTIMAL.unserved_s + OPTIMAL.ageing * waited_s)
            for search, (_, waited_s) in zip(searches, rides, strict=True)
        )

    # Each time is rounded to a second.
    assert total(tick(searches, drivers)) <= total(tick(searches, drivers, GREEDY)) + len(rides)


def test_a_far_ride_is_served_at_last_though_near_ones_keep_coming() -> None:
    def is_far_served(waited_s: float, rules: MatchingRules = OPTIMAL) -> bool:
        far, near = a_search(east(4.5), waited_s), a_search(east(0.1))
        return offered(tick([far, near], [MIDDLE], rules), far) == "0"

    assert [is_far_served(0), is_far_served(60), is_far_served(250)] == [False, False, True]
    assert not is_far_served(10_000, MatchingRules(ageing=0))


def test_drivers_who_have_waited_long_are_preferred_to_a_limit() -> None:
    search = a_search()

    assert offered(tick([search], [east(0.5), east(0.6)], idle_s=[0, 0]), search) == "0"
    assert offered(tick([search], [east(0.5), east(0.6)], idle_s=[0, 1200]), search) == "1"
    assert offered(tick([search], [east(0.5), east(1.5)], idle_s=[0, 1_000_000]), search) == "0"


def test_whoever_the_database_does_not_call_free_is_offered_nothing() -> None:
    search = a_search()
    candidates = candidates_by_nearest(
        [search], [[("gone", 1.0), ("free", 900.0)]], {"gone": MIDDLE, "free": east(1)}
    )

    matching = match(candidates, {"free": NOW}, ETA, OPTIMAL, NOW)

    assert offered(matching, search) == "free"
    assert match(candidates, {}, ETA, OPTIMAL, NOW).offers == []


class RiverEta:
    """A router that knows of no bridge across the meridian of the city's centre."""

    def table(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        raise NotImplementedError

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        is_crossing = [
            (a.longitude < MIDDLE.longitude) != (b.longitude < MIDDLE.longitude)
            for a, b in zip(origins, destinations, strict=True)
        ]
        return Etas(np.where(is_crossing, np.inf, ETA.pairs(origins, destinations).seconds), "river")


def test_a_router_is_believed_and_where_there_is_no_way_there_is_no_offer() -> None:
    search = a_search(east(0.1))

    (offer,) = tick([search], [east(-0.1), east(2)], eta=RiverEta()).offers

    assert (offer.driver_id, offer.eta_source) == ("1", "river")
    assert tick([search], [east(-0.1)], eta=RiverEta()).offers == []


@pytest.mark.parametrize("rules", [GREEDY, MatchingRules(solver_budget_s=0)])
def test_without_time_rides_are_given_out_in_the_order_of_their_waiting(rules: MatchingRules) -> None:
    late, early = a_search(east(0.1), waited_s=5), a_search(east(1), waited_s=60)

    matching = tick([late, early], [MIDDLE], rules)

    assert offered(matching, early) == "0"
    assert matching.statistics.greedy_rides == 2


def test_the_statistics_say_what_was_there_and_what_was_left() -> None:
    statistics = tick([a_search()] * 3, [MIDDLE, east(1)]).statistics

    assert replace(statistics, solver_s=0) == replace(
        statistics, searches=3, drivers=2, edges=6, unserved=1, greedy_rides=0, solver_s=0
    )
    assert statistics.solver_s >= 0


@pytest.mark.parametrize("rules", [OPTIMAL, GREEDY])
def test_a_quiet_city_needs_no_offers(rules: MatchingRules) -> None:
    assert tick([], [MIDDLE], rules).offers == []
    assert tick([a_search()], [], rules).statistics.unserved == 1


def test_a_search_that_seems_to_begin_in_the_future_waits_from_now_on() -> None:
    search = a_search(waited_s=-10_000)

    assert offered(tick([search], [MIDDLE]), search) == "0"
