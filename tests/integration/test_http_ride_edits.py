"""What a changed trip costs, and in which words of money, on the real PostgreSQL and Valkey."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.integration.http_rides import DESTINATION, ELSEWHERE, PICKUP, TRIP, fix, problem, streets


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def driven_to(town, *places: dict[str, float]):
    """Let ann be driven from the pickup to one place after the other; return her, the ride's address and the ride."""
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    bob.post(f"{ride}/start")
    town.world.execute("UPDATE rides SET started_at = started_at - interval '1 hour'")
    way = [fix(place, 3000 - 600 * number) for number, place in enumerate((PICKUP, *places))]
    assert bob.post("/v1/drivers/me/locations", json={"fixes": way}).json["accepted"] == len(way)
    return ann, ride, ann.get(ride).json


def test_a_new_destination_is_quoted_with_what_was_driven_already(town):
    ann, ride, before = driven_to(town, DESTINATION)

    back = ann.patch(ride, json={"destination": PICKUP})

    assert back.status_code == 200
    assert before["distance_travelled_m"] > 4000
    assert back.json["distance_m"] == pytest.approx(before["distance_travelled_m"] + before["distance_m"], abs=2)
    assert float(back.json["price"]["low"]) > float(before["price"]["low"])


def test_who_gets_out_at_once_pays_what_was_driven(town):
    ann, ride, before = driven_to(town, DESTINATION, ELSEWHERE)

    here = ann.patch(ride, json={"destination": ELSEWHERE}).json

    assert here["distance_m"] == before["distance_travelled_m"] > before["distance_m"]


def test_surge_that_comes_up_after_the_start_is_not_put_on_the_trip(town):
    ann, ride, before = driven_to(town, DESTINATION)
    town.wanted(20)
    # Whoever counted before the twenty came goes by that for some seconds.
    town.forget_surge()

    edited = ann.patch(ride, json={"destination": ELSEWHERE}).json
    ordered_now = town.person("bea").post("/v1/rides", json=TRIP)

    assert before["price"]["surge"] == edited["price"]["surge"] == 1.0
    assert ordered_now.json["price"]["surge"] > 1.0


def test_before_the_start_a_trip_still_ends_somewhere_else(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"

    assert problem(ann.patch(ride, json={"destination": PICKUP})) == (422, "same_pickup_dropoff")


@pytest.mark.parametrize(("currency", "decimals"), [("JPY", 0), ("KWD", 3)])
def test_prices_have_the_decimals_of_their_currency(town, currency, decimals):
    town.know_cities({"demo": replace(town.tools.cities["demo"], currency=currency)})
    ann, bob = town.person("ann"), town.driver("bob")

    ride = town.ordered(ann)
    town.offer(ride, "bob")
    shown = [ann.get(f"/v1/rides/{ride}").json["price"], bob.get("/v1/drivers/me/offer").json["price"]]
    where = "start_latitude=49.9456&start_longitude=11.5713&end_latitude=49.93&end_longitude=11.61"
    estimate = ann.get(f"/v1/estimates/price?{where}&product=economy").json["prices"][0]

    quote = town.ride(ride).quote
    assert shown[0] == shown[1]
    assert float(shown[0]["low"]) == pytest.approx(quote.price_low / 10**decimals)
    assert len(shown[0]["low"].partition(".")[2]) == decimals
    assert estimate["estimate"] == f"{shown[0]['low']}-{shown[0]['high']} {currency}"
    assert estimate["low_estimate"] == float(shown[0]["low"])
