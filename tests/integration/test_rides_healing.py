"""Who is silent for a day is asked no more, and a ride that was forgotten does not block its passenger for ever."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import Engine

from adapters.driver_index import RedisDriverIndex
from domain.rides.model import Actor, DriverStatus, Fix, OfferStatus, RideStatus, SearchStatus
from domain.rides.ports import AvailableDriver, DriverFix
from store.rides import drivers, healing
from tests.integration.ride_town import Town
from tests.integration.rides_world import CITY, HOME, PRODUCT, STATION


@pytest.fixture
def town(engine: Engine, redis_url: str) -> Iterator[Town]:
    built = Town(engine, redis_url)
    built.index.knows_since(CITY)
    # The index has been at work for long.
    _redis(built).zadd(f"rides:{{{CITY}}}:changed", {":since": 1})
    yield built
    built.world.assert_sound()


def test_who_was_not_seen_for_a_day_becomes_unavailable(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    never_seen, long_ago, seen, new = (town.world.driver() for _ in range(4))
    _push(town, long_ago, hours=25)
    _push(town, seen, hours=23)
    _quiet_for(town, 25, never_seen, long_ago, seen)
    _quiet_for(town, 23, new)

    outcome = town.matcher.heal()

    assert outcome.result["silent_drivers"] == 2
    assert {each: _status(town, each) for each in (never_seen, long_ago, seen, new)} == {
        never_seen: DriverStatus.UNAVAILABLE,
        long_ago: DriverStatus.UNAVAILABLE,
        seen: DriverStatus.AVAILABLE,
        new: DriverStatus.AVAILABLE,
    }
    assert "2 drivers were silent for a day and are unavailable now" in caplog.messages
    assert outcome.result["available_drivers"] == 2
    assert town.matcher.heal().result["silent_drivers"] == 0


def test_an_index_that_was_emptied_accuses_nobody(town: Town) -> None:
    driver_id = town.world.driver()
    _quiet_for(town, 25, driver_id)
    _redis(town).flushall()

    town.matcher.heal()
    town.matcher.heal()

    assert _status(town, driver_id) is DriverStatus.AVAILABLE


def test_a_silent_driver_on_a_ride_stays_on_it(town: Town) -> None:
    _, offer = town.world.matched()
    _quiet_for(town, 25, offer.driver_id)

    town.matcher.heal()
    is_retired = town.world.run(lambda session: healing.retire(session, offer.driver_id))

    assert not is_retired
    assert _status(town, offer.driver_id) is DriverStatus.AVAILABLE


def test_a_silent_driver_is_asked_no_longer(town: Town) -> None:
    ride = town.world.created()
    offer = town.world.offer(ride, town.world.driver())
    _quiet_for(town, 25, offer.driver_id)

    town.matcher.heal()

    assert town.world.offer_status(offer) == OfferStatus.WITHDRAWN
    assert town.world.get(ride).search_status is SearchStatus.SEARCHING


def test_who_says_something_meanwhile_stays_available(town: Town) -> None:
    driver_id = town.world.driver()
    _quiet_for(town, 25, driver_id)
    quiet = town.world.run(lambda session: healing.quiet_drivers(session, CITY))
    town.world.leave(driver_id)
    town.world.say(driver_id, DriverStatus.AVAILABLE)

    is_retired = town.world.run(lambda session: healing.retire(session, driver_id))

    assert (quiet, is_retired) == ([driver_id], False)
    assert _status(town, driver_id) is DriverStatus.AVAILABLE


def test_rides_that_nobody_searches_for_are_cancelled_after_a_day(town: Town) -> None:
    idle = town.world.created(is_searching=False)
    in_vain = town.world.created()
    town.world.execute("UPDATE rides SET search_deadline = now() WHERE id = %s", in_vain.id)
    town.world.sweep(town.world.lease())
    young, edited, searched, matched = (
        town.world.created(is_searching=False),
        town.world.created(is_searching=False),
        town.world.created(),
        town.world.matched()[0],
    )
    town.world.execute("UPDATE rides SET updated_at = now() - interval '25 hours' WHERE id <> %s", young.id)
    town.world.edit(edited, STATION)

    outcome = town.matcher.heal()

    assert outcome.result["forgotten_rides"] == 2
    for ride in (town.world.get(idle), town.world.get(in_vain)):
        assert (ride.status, ride.cancelled_by) == (RideStatus.CANCELLED, Actor.SYSTEM)
        assert ride.status_detail == healing.FORGOTTEN
        last = town.world.events(ride)[-1]
        assert (last.name, last.actor, last.detail) == ("cancelled", Actor.SYSTEM, {"reason": healing.FORGOTTEN})
        assert town.world.created(ride.passenger_id).status is RideStatus.CREATED
    assert [town.world.get(ride).status for ride in (young, edited, searched, matched)] == [
        *[RideStatus.CREATED] * 3,
        RideStatus.MATCHED,
    ]


def test_whoever_the_index_wrongly_has_is_asked_for_nothing_and_taken_out_though_a_worker_died_of_it(
    town: Town,
) -> None:
    class DyingIndex(RedisDriverIndex):
        def rebuild(self, city: str, drivers: Sequence[AvailableDriver], mark: int | None = None) -> None:
            raise SystemExit

    free, gone = town.driver(), town.driver()
    # As by an API process that was killed between its commit and its word to Redis.
    town.world.leave(gone)
    ride, other = town.world.created(), town.world.created()

    with pytest.raises(SystemExit):
        replace(town.matcher, index=DyingIndex(_redis(town))).heal()
    town.tick()
    asked = [offer.driver_id for each in (ride, other) if (offer := town.offer_of(each))]
    town.matcher.heal()

    assert asked == [free]
    assert list(town.index.supply(CITY, PRODUCT).ids) == [free]


def _redis(town: Town) -> redis.Redis:
    client: redis.Redis = town.index._client
    return client


def _push(town: Town, driver_id: str, hours: float) -> None:
    at = datetime.now(UTC) - timedelta(hours=hours)
    assert town.index.push(CITY, [DriverFix(driver_id, Fix(HOME, at))]) == [True]


def _quiet_for(town: Town, hours: int, *driver_ids: str) -> None:
    town.world.execute(
        "UPDATE drivers SET updated_at = now() - make_interval(hours => %s) WHERE id = ANY(%s)",
        hours,
        list(driver_ids),
    )


def _status(town: Town, driver_id: str) -> DriverStatus:
    found = town.world.run(lambda session: drivers.find_driver(session, driver_id))
    assert found is not None
    return found.status
