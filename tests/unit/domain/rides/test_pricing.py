"""What a trip is expected to cost, and which trips are refused."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rides.cities import Fare, Product
from domain.rides.geo import distance_m
from domain.rides.model import Place, RideError
from domain.rides.pricing import (
    DistanceExceededError,
    Driven,
    NoProductFoundError,
    OutsideServiceAreaError,
    SamePickupDropoffError,
    Trip,
    highest_price,
    quote,
)
from tests.cities import DEMO_CITY

NOON = datetime(2026, 5, 5, 10, tzinfo=UTC)
FARE = Fare(base=200, per_km=100, per_minute=30, minimum=500, booking_fee=50)
CITY = replace(DEMO_CITY, products=(Product("standard", "Standard", 4, FARE),), speeds_km_per_h=(30.0,) * 24)
PICKUP, DESTINATION = Place(52.52, 13.405), Place(52.52, 13.505)
TRIP = Trip("standard", PICKUP, DESTINATION)
in_city = st.builds(Place, st.floats(52.4, 52.6), st.floats(13.2, 13.6))


def test_a_quote_is_the_way_by_road_and_a_range_about_its_price() -> None:
    road_km = distance_m(PICKUP, DESTINATION) * 1.4 / 1000
    minutes = road_km / 30 * 60
    expected = 200 + road_km * 100 + minutes * 30 + 50

    answer = quote(CITY, TRIP, 1.0, NOON)

    assert answer.distance_m == pytest.approx(road_km * 1000, abs=1)
    assert answer.duration_s == pytest.approx(minutes * 60, abs=1)
    assert expected * 0.85 < answer.price_low < expected < answer.price_high < expected * 1.25
    assert (answer.currency, answer.surge) == ("EUR", 1.0)


def test_surge_multiplies_everything_but_the_booking_fee() -> None:
    usual, dear = quote(CITY, TRIP, 1.0, NOON), quote(CITY, TRIP, 2.0, NOON)

    assert dear.price_low - 50 == pytest.approx(2 * (usual.price_low - 50), abs=3)
    assert dear.price_high - 50 == pytest.approx(2 * (usual.price_high - 50), abs=3)


@pytest.mark.parametrize(("asked", "given"), [(0.5, 1.0), (1.7, 1.7), (9.0, 3.0)])
def test_surge_is_held_within_one_and_the_citys_cap(asked: float, given: float) -> None:
    assert quote(CITY, TRIP, asked, NOON).surge == given


def test_a_short_trip_costs_the_minimum() -> None:
    answer = quote(CITY, replace(TRIP, destination=Place(52.521, 13.405)), 1.0, NOON)

    assert (answer.price_low, answer.price_high) == (500, 500)


@given(in_city, in_city, st.floats(1, 3))
def test_every_trip_within_the_city_has_a_sound_price(pickup: Place, destination: Place, surge: float) -> None:
    try:
        answer = quote(CITY, Trip("standard", pickup, destination), surge, NOON)
    except SamePickupDropoffError:
        assert distance_m(pickup, destination) < 20
    else:
        assert FARE.minimum <= answer.price_low <= answer.price_high


@pytest.mark.parametrize(
    ("trip", "error", "code"),
    [
        (replace(TRIP, product="rocket"), NoProductFoundError, "no_product_found"),
        (replace(TRIP, destination=Place(52.5201, 13.4051)), SamePickupDropoffError, "same_pickup_dropoff"),
        (replace(TRIP, pickup=Place(48.85, 2.35)), OutsideServiceAreaError, "outside_service_area"),
        (replace(TRIP, destination=Place(48.85, 2.35)), OutsideServiceAreaError, "outside_service_area"),
    ],
)
def test_a_trip_that_cannot_be_made_is_refused(trip: Trip, error: type[RideError], code: str) -> None:
    with pytest.raises(error) as raised:
        quote(CITY, trip, 1.0, NOON)

    assert raised.value.code == code


def test_a_trip_that_is_too_long_is_refused() -> None:
    with pytest.raises(DistanceExceededError, match="at most 5 km") as raised:
        quote(replace(CITY, max_trip_km=5), TRIP, 1.0, NOON)

    assert raised.value.code == "distance_exceeded"


def test_a_trip_under_way_is_what_was_driven_and_the_rest() -> None:
    rest = quote(CITY, TRIP, 1.0, NOON)
    there = Driven(7000, PICKUP)

    answer = quote(CITY, replace(TRIP, driven=there), 1.0, NOON)

    assert answer.distance_m == 7000 + rest.distance_m
    assert answer.price_low > rest.price_low
    assert quote(CITY, replace(TRIP, destination=PICKUP, driven=there), 1.0, NOON).distance_m == 7000


def test_a_trip_under_way_is_no_longer_than_the_citys_cars_go() -> None:
    with pytest.raises(DistanceExceededError):
        quote(CITY, replace(TRIP, driven=Driven(160_000, PICKUP)), 1.0, NOON)


@given(in_city, in_city, st.floats(1, 3), st.integers(0, 150_000))
def test_no_trip_costs_more_than_the_highest_price(
    pickup: Place, destination: Place, surge: float, driven_m: int
) -> None:
    trip = Trip("standard", pickup, destination, Driven(driven_m, pickup))
    try:
        answer = quote(CITY, trip, surge, NOON)
    except DistanceExceededError:
        assert driven_m > 100_000
    else:
        assert answer.price_high <= highest_price(CITY, CITY.products[0])
