"""Ticks where many drivers or many rides are in one place."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from sqlalchemy import Engine

from adapters.driver_index.index import RedisDriverIndex
from domain.rides.candidates import SCARCE
from domain.rides.model import Place
from domain.rides.ports import Supply
from tests.integration.ride_town import Town
from tests.integration.rides_world import HOME


@pytest.fixture
def town(engine: Engine, redis_url: str) -> Iterator[Town]:
    built = Town(engine, redis_url)
    yield built
    built.world.assert_sound()


def test_in_a_crowd_nobody_goes_without_for_not_having_been_shown_the_next_drivers(town: Town) -> None:
    # All are at the same door, so the twenty nearest of one are the twenty nearest of all.
    drivers = [town.driver(10.0 * number) for number in range(SCARCE + 5)]
    rides = [town.world.created() for _ in drivers]

    town.tick()

    assert sorted(offer.driver_id for ride in rides if (offer := town.offer_of(ride))) == sorted(drivers)


@pytest.mark.parametrize("snapshot_from", [1, 1000])
def test_who_is_being_asked_already_keeps_nobody_from_those_who_are_free(town: Town, snapshot_from: int) -> None:
    # All are at the same door, and those who were asked first are the nearest.
    town.matcher = replace(town.matcher, snapshot_from=snapshot_from)
    asked = [town.driver(10.0 * number) for number in range(2 * SCARCE)]
    for _ in asked:
        town.world.created()
    town.tick()
    free = [town.driver(500.0 + 10.0 * number) for number in range(5)]
    rides = [town.world.created() for _ in free]

    town.tick()

    assert sorted(offer.driver_id for ride in rides if (offer := town.offer_of(ride))) == sorted(free)


def test_a_ride_that_nobody_can_reach_has_no_tick_read_the_whole_city(town: Town) -> None:
    class CountingIndex(RedisDriverIndex):
        supplies = 0

        def supply(self, city: str, product: str) -> Supply:
            self.supplies += 1
            return super().supply(city, product)

    index = CountingIndex(town.index._client)
    town.matcher = replace(town.matcher, index=index)
    for number in range(SCARCE + 5):
        town.driver(10.0 * number)
    far = Place(HOME.latitude + 0.2, HOME.longitude)
    rides = [town.world.created(), town.world.edit(town.world.created(), pickup=far)]

    town.tick()

    assert [town.offer_of(ride) is not None for ride in rides] == [True, False]
    assert index.supplies == 0


def test_many_searches_are_matched_from_one_snapshot(town: Town) -> None:
    drivers = [town.driver(20 * number) for number in range(3)]
    rides = [town.world.created() for _ in range(5)]
    town.matcher = replace(town.matcher, snapshot_from=len(rides))

    outcome = town.tick()

    asked = [offer.driver_id for ride in rides if (offer := town.offer_of(ride))]
    assert sorted(asked) == sorted(drivers)
    assert outcome.result["unserved"] == 2
