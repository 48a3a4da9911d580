"""The invariants see what they are there to see: each breach, made by hand, is named."""

from __future__ import annotations

import pytest
from sqlalchemy import Engine

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
