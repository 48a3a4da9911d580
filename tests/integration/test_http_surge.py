"""Nobody pays a surge that they have not agreed to: orders and edits on the real PostgreSQL and Valkey."""

from __future__ import annotations

import pytest

from tests.integration.http_rides import DESTINATION, ELSEWHERE, PICKUP, TRIP, count, problem, streets

WAITING = 20
PLAIN = {name: value for name, value in TRIP.items() if name != "max_surge"}


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


@pytest.fixture
def rush_hour(town):
    """Let prices at the pickup be three times what they were, and return the town."""
    town.wanted(WAITING)
    return town


def quiet_again(town) -> None:
    for number in range(WAITING):
        assert town.person(f"waiting-{number}").post("/v1/rides/current/cancel").status_code == 200
    town.forget_surge()


def test_a_surge_is_refused_with_the_price_until_the_passenger_agrees_to_it(rush_hour):
    ann = rush_hour.person("ann")

    refused = ann.post("/v1/rides", json=PLAIN)
    too_high = ann.post("/v1/rides", json=PLAIN | {"max_surge": 2.9})
    written = count(rush_hour.world, "rides")
    agreed = ann.post("/v1/rides", json=PLAIN | {"max_surge": refused.json["price"]["surge"]})

    assert problem(refused) == problem(too_high) == (409, "surge")
    assert written == WAITING
    assert refused.json["price"]["surge"] == 3.0
    assert (agreed.status_code, agreed.json["price"]) == (201, refused.json["price"])


def test_who_agrees_to_a_surge_does_not_pay_it_where_it_has_fallen(rush_hour):
    ann = rush_hour.person("ann")
    seen = ann.post("/v1/rides", json=PLAIN).json["price"]["surge"]
    quiet_again(rush_hour)

    agreed = ann.post("/v1/rides", json=PLAIN | {"max_surge": seen})

    assert (agreed.status_code, agreed.json["price"]["surge"]) == (201, 1.0)


def test_a_refused_order_costs_nothing_and_leaves_its_key_unused(rush_hour):
    ann, key = rush_hour.yard.client("ann", tier="free"), {"Idempotency-Key": "mine"}

    refused = [problem(ann.post("/v1/rides", json=PLAIN, headers=key)) for _ in range(20)]
    agreed = ann.post("/v1/rides", json=PLAIN | {"max_surge": 3}, headers=key)

    assert refused == [(409, "surge")] * 20
    assert agreed.status_code == 201


def test_an_order_that_is_repeated_when_prices_have_risen_is_answered_with_its_ride(town):
    ann, key = town.person("ann"), {"Idempotency-Key": "mine"}
    first = ann.post("/v1/rides", json=PLAIN, headers=key)
    town.wanted(WAITING)
    town.forget_surge()

    again = ann.post("/v1/rides", json=PLAIN, headers=key)

    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (201, "true")
    assert again.json["id"] == first.json["id"]
    assert again.json["price"]["surge"] == 1.0


def test_who_has_a_ride_is_told_so_and_not_asked_to_agree_to_a_surge(town):
    ann = town.person("ann")
    first = ann.post("/v1/rides", json=PLAIN)
    town.wanted(WAITING)
    town.forget_surge()

    refused = ann.post("/v1/rides", json=PLAIN)

    assert problem(refused) == (409, "current_trip_exists")
    assert refused.json["ride"]["id"] == first.json["id"]


def test_a_ride_is_not_edited_to_a_surge_above_its_own_without_consent(town):
    ann = town.person("ann")
    ride = f"/v1/rides/{town.ordered(ann)}"
    town.wanted(WAITING)
    town.forget_surge()

    refused = ann.patch(ride, json={"destination": ELSEWHERE})
    unchanged = ann.patch(ride, json={"destination": DESTINATION})
    agreed = ann.patch(ride, json={"destination": ELSEWHERE, "max_surge": 3})
    repeated = ann.patch(ride, json={"pickup": PICKUP, "destination": ELSEWHERE})
    back = ann.patch(ride, json={"destination": DESTINATION})

    assert problem(refused) == (409, "surge")
    assert refused.json["price"]["surge"] == 3.0
    assert (unchanged.status_code, unchanged.json["price"]["surge"]) == (200, 1.0)
    assert (agreed.status_code, agreed.json["price"]) == (200, refused.json["price"])
    assert (repeated.status_code, repeated.json["version"]) == (200, agreed.json["version"])
    # To this surge the passenger has agreed already.
    assert (back.status_code, back.json["price"]["surge"]) == (200, 3.0)
