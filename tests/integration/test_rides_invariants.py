"""The invariants see what they are there to see: each breach, made by hand, is named."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

from store.rides.invariants import violations_now
from tests.integration.rides_world import RidesWorld

UNGUARDED = """
ALTER TABLE rides DROP CONSTRAINT rides_driver_check; ALTER TABLE rides DROP CONSTRAINT rides_no_driver_check;
DROP INDEX rides_active_passenger_key; DROP INDEX rides_active_driver_key; DROP INDEX offers_pending_driver_key;
DROP INDEX offers_pending_ride_key; DROP INDEX ride_events_version_key;
"""
ANOTHER = "INSERT INTO {table} SELECT (jsonb_populate_record(t, {changes})).* FROM {table} t WHERE {where}"
COPY_OF_RIDE = ANOTHER.format(
    table="rides",
    changes="jsonb_build_object('id', gen_random_uuid(), 'passenger_id', {0})",
    where="status = 'matched'",
)
COPY_OF_OFFER = ANOTHER.format(
    table="offers", changes="jsonb_build_object('id', gen_random_uuid())", where="status = 'pending'"
)
BREACHES = {
    "a passenger has two active rides": COPY_OF_RIDE.format("passenger_id"),
    "a driver is on two rides": COPY_OF_RIDE.format("'another'"),
    "a driver is on a ride without having accepted it": "DELETE FROM offers WHERE status = 'accepted'",
    "an offer was accepted without an event": "UPDATE ride_events SET name = 'x' WHERE name = 'matched'",
    "an unavailable driver is on a ride": "UPDATE drivers SET status = 'unavailable'",
    "an offer is pending for a ride that does not wait for it": "UPDATE rides SET search_id = gen_random_uuid()",
    "a ride waits for an offer that is not pending": "UPDATE offers SET status = 'expired', resolved_at = now()",
    "a driver has two pending offers": COPY_OF_OFFER,
    "an offer is pending for a driver who is unavailable": "UPDATE drivers SET status = 'unavailable'",
    "an offer is pending for a driver who is on a ride": "UPDATE offers SET driver_id = (SELECT driver_id FROM rides"
    " WHERE status = 'matched') WHERE status = 'pending'",
    "a driver was asked twice in one search": COPY_OF_OFFER,
    "a ride and its last event differ": "UPDATE ride_events SET status = 'started' WHERE name = 'matched'",
    "a ride has more or fewer events than changes": "DELETE FROM ride_events WHERE version = 1",
    "a ride changed in a way that there is none": "UPDATE ride_events SET status = 'finished' WHERE version = 1",
}


@pytest.mark.parametrize("breach", BREACHES)
def test_a_breach_is_named(engine: Engine, breach: str) -> None:
    world = RidesWorld(engine)
    world.matched()
    world.offer(world.created(), world.driver())
    world.execute(UNGUARDED)
    assert world.violations() == []

    world.execute(BREACHES[breach])

    assert breach in {violation.split(":")[0] for violation in world.violations()}


GUARANTEED = {"a passenger has two active rides", "a driver is on two rides", "a driver has two pending offers"}
OF_HISTORY = {
    "an offer was accepted without an event": BREACHES["an offer was accepted without an event"],
    "a driver was asked twice in one search": ANOTHER.format(
        table="offers", changes="jsonb_build_object('id', gen_random_uuid(), 'status', 'declined')", where="true"
    ),
    "a ride and its last event differ": "UPDATE ride_events SET search_status = 'idle'",
    "a ride has more or fewer events than changes": "DELETE FROM ride_events WHERE version = 1",
    "a ride changed in a way that there is none": "UPDATE ride_events SET status = 'finished' WHERE version = 1",
}


def names(world: RidesWorld) -> set[str]:
    return {violation.split(":")[0] for violation in world.run(violations_now)}


def finished(world: RidesWorld) -> None:
    ride, driver_id = world.started()
    world.finish(ride, driver_id)


@pytest.mark.parametrize("breach", sorted(set(BREACHES) - set(OF_HISTORY) - GUARANTEED))
def test_what_is_wrong_at_the_moment_is_seen_every_minute(engine: Engine, breach: str) -> None:
    world = RidesWorld(engine)
    world.matched()
    world.offer(world.created(), world.driver())
    assert names(world) == set()

    world.execute(BREACHES[breach])

    assert breach in names(world)


@pytest.mark.parametrize("breach", OF_HISTORY)
def test_what_is_wrong_with_a_history_is_seen_when_the_ride_has_just_ended(engine: Engine, breach: str) -> None:
    world = RidesWorld(engine)
    finished(world)
    world.execute("UPDATE rides SET finished_at = now() - interval '2 minutes'")
    assert names(world) == set()

    world.execute(OF_HISTORY[breach])

    assert breach in names(world)


def test_what_ended_before_is_not_gone_through_again(engine: Engine) -> None:
    world = RidesWorld(engine)
    finished(world)
    world.execute("DELETE FROM ride_events")
    assert names(world)

    world.execute("UPDATE rides SET finished_at = now() - interval '4 minutes'")

    assert names(world) == set()
    assert world.violations()


def test_a_broken_rule_is_found_only_so_often(engine: Engine) -> None:
    world = RidesWorld(engine)
    world.execute(
        "INSERT INTO rides (id, passenger_id, city, product, search_status, search_id, search_deadline,"
        " pickup_latitude, pickup_longitude, destination_latitude, destination_longitude, distance_m, duration_s,"
        " price_low, price_high, currency, surge)"
        " SELECT gen_random_uuid(), n::text, 'demo', 'standard', 'offered', gen_random_uuid(), now(),"
        " 0, 0, 0, 0, 0, 0, 0, 0, 'EUR', 1 FROM generate_series(1, 1001) n"
    )

    assert len(world.run(violations_now)) == 1000
