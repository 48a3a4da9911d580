"""What a trip is expected to be and to cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from domain.rides.cities import City, Fare, Product
from domain.rides.geo import distance_m
from domain.rides.model import Place, Quote, RideError

SAME_PLACE_M = 20
"""Two places nearer than this are one: a phone's position is no better."""

MAX_PRICE = 2**31 - 1
"""Of minor units, in the database's columns."""

# The estimate of the way is a guess (see the detour), so the price is a range about it. Roads are more often longer
# than thought than shorter.
_RANGE = (0.9, 1.2)


class NoProductFoundError(RideError):
    """The city has no such product."""

    code = "no_product_found"


class SamePickupDropoffError(RideError):
    """Pickup and destination are the same place."""

    code = "same_pickup_dropoff"


class OutsideServiceAreaError(RideError):
    """The pickup or the destination is in no city that is served, or in another one."""

    code = "outside_service_area"


class DistanceExceededError(RideError):
    """The trip is longer than the city allows."""

    code = "distance_exceeded"


@dataclass(frozen=True, slots=True)
class Driven:
    """How far a trip under way has come: ``distance_m`` are behind it, and the car is at ``place``."""

    distance_m: int
    place: Place


@dataclass(frozen=True, slots=True)
class Trip:
    """What a passenger asks the price of. What was ``driven`` already is paid for, wherever the trip ends."""

    product: str
    pickup: Place
    destination: Place
    driven: Driven | None = None


def quote(city: City, trip: Trip, surge: float, now: datetime) -> Quote:
    """Return what ``trip`` is expected to be when it begins ``now``; ``surge`` is held within [1, the city's cap].

    Raises:
        NoProductFoundError, OutsideServiceAreaError, SamePickupDropoffError, DistanceExceededError: no such trip.
    """
    product = city.product(trip.product)
    if product is None:
        raise NoProductFoundError(f"{city.title} has no product {trip.product!r}")
    road_m = _road_m(city, trip)
    _check(city, trip, road_m)
    duration_s = road_m / city.speed_m_per_s(now)
    multiplier = min(max(surge, 1.0), city.surge_cap)
    low, high = (_price(product.fare, road_m * share, duration_s * share, multiplier) for share in _RANGE)
    return Quote(
        distance_m=round(road_m),
        duration_s=round(duration_s),
        price_low=math.floor(low),
        price_high=math.ceil(high),
        currency=city.currency,
        surge=multiplier,
    )


def highest_price(city: City, product: Product) -> int:
    """Return what no trip with ``product`` costs more than: the longest one, when it is slowest and surge highest."""
    road_m = city.max_trip_km * 1000 * max(_RANGE)
    slowest_m_per_s = min(city.speeds_km_per_h) / 3.6
    return math.ceil(_price(product.fare, road_m, road_m / slowest_m_per_s, city.surge_cap))


def _road_m(city: City, trip: Trip) -> float:
    if trip.driven is None:
        return distance_m(trip.pickup, trip.destination) * city.detour
    return trip.driven.distance_m + distance_m(trip.driven.place, trip.destination) * city.detour


def _check(city: City, trip: Trip, road_m: float) -> None:
    for name, place in (("pickup", trip.pickup), ("destination", trip.destination)):
        if not city.contains(place):
            raise OutsideServiceAreaError(f"the {name} is outside the service area of {city.title}")
    # A trip under way may well end where it began.
    if trip.driven is None and distance_m(trip.pickup, trip.destination) < SAME_PLACE_M:
        raise SamePickupDropoffError(f"pickup and destination are less than {SAME_PLACE_M} m apart")
    if road_m > city.max_trip_km * 1000:
        raise DistanceExceededError(f"trips in {city.title} are at most {city.max_trip_km:g} km long")


def _price(fare: Fare, road_m: float, duration_s: float, surge: float) -> float:
    metered = fare.base + fare.per_km * road_m / 1000 + fare.per_minute * duration_s / 60
    return max(fare.minimum, metered * surge + fare.booking_fee)
