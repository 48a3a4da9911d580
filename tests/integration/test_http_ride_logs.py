"""A ride can be followed through the log: every request about it says so."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator

import pytest

from tests.integration.http_rides import PICKUP, Streets, streets
from tests.logs import captured_log


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    with captured_log() as stream:
        yield stream


def lines(log: io.StringIO) -> list[dict[str, object]]:
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in found if line["logger"] == "web.requests"]


def last(log: io.StringIO) -> tuple[object, object]:
    line = lines(log)[-1]
    return line.get("ride_id"), line.get("offer_id")


def test_requests_name_their_ride_and_their_offer(town: Streets, log: io.StringIO) -> None:
    ann, bob = town.person("ann"), town.driver("bob", PICKUP)
    ride_id = town.ordered(ann)
    ordered = last(log)
    offer = town.offer(ride_id, "bob")

    bob.post(f"/v1/offers/{offer.id}/accept")
    accepted = last(log)
    bob.post(f"/v1/rides/{ride_id}/start")
    started = last(log)
    ann.get("/v1/rides/current")
    current = last(log)
    ann.get(f"/v1/rides/{offer.id}")
    missing = last(log)

    assert ordered == (ride_id, None)
    assert accepted == (ride_id, str(offer.id))
    assert started == current == (ride_id, None)
    assert missing == (str(offer.id), None)


def test_the_next_request_of_a_thread_names_no_ride(town: Streets, log: io.StringIO) -> None:
    ann = town.person("ann")
    town.ordered(ann)

    ann.get("/v1/cities")

    assert last(log) == (None, None)
