"""What a trip is expected to be and to cost."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

from domain.rides.cities import City, Fare
from domain.rides.geo import distance_m
from domain.rides.model import Place, Quote, RideError

SAME_PLACE_M = 20
"""Two places nearer than this are one: a phone's position is no better."""

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
class Trip:
    """What a passenger asks the price of."""

    product: str
    pickup: Place
    destination: Place


def quote(city: City, trip: Trip, surge: float, now: datetime) -> Quote:
    """Return what ``trip`` is expected to be when it begins ``now``; ``surge`` is held within [1, the city's cap].

    Raises:
        NoProductFoundError, OutsideServiceAreaError, SamePickupDropoffError, DistanceExceededError: no such trip.
    """
    product = city.product(trip.product)
    if product is None:
        raise NoProductFoundError(f"{city.title} has no product {trip.product!r}")
    _check(city, trip)
    road_m = distance_m(trip.pickup, trip.destination) * city.detour
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


def _check(city: City, trip: Trip) -> None:
    for name, place in (("pickup", trip.pickup), ("destination", trip.destination)):
        if not city.contains(place):
            raise OutsideServiceAreaError(f"the {name} is outside the service area of {city.title}")
    straight_m = distance_m(trip.pickup, trip.destination)
    if straight_m < SAME_PLACE_M:
        raise SamePickupDropoffError(f"pickup and destination are less than {SAME_PLACE_M} m apart")
    if straight_m * city.detour > city.max_trip_km * 1000:
        raise DistanceExceededError(f"trips in {city.title} are at most {city.max_trip_km:g} km long")


def _price(fare: Fare, road_m: float, duration_s: float, surge: float) -> float:
    metered = fare.base + fare.per_km * road_m / 1000 + fare.per_minute * duration_s / 60
    return max(fare.minimum, metered * surge + fare.booking_fee)
