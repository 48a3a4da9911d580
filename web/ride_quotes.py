"""From the places of a request to a city, its products and a price, or to the field that is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from domain.rides import pricing
from domain.rides.cities import City, Product, city_of
from domain.rides.model import Place, Quote, RideError
from domain.rides.pricing import Trip
from web import problems
from web.platform import platform
from web.problems import FieldError, ProblemError


@dataclass(frozen=True, slots=True)
class Names:
    """What the request calls the pieces of a trip, and ``where`` they are in it."""

    where: str
    product: str
    pickup: str
    destination: str


IN_BODY = Names("pointer", "/product", "/pickup", "/destination")
IN_QUERY = Names("parameter", "product", "start_latitude", "end_latitude")

_REFUSALS: Mapping[type[RideError], type[ProblemError]] = {
    pricing.SamePickupDropoffError: problems.SamePickupDropoffError,
    pricing.DistanceExceededError: problems.DistanceExceededError,
    pricing.OutsideServiceAreaError: problems.OutsideServiceAreaError,
}


def city_at(pickup: Place, names: Names) -> City:
    """Return the city that serves a place.

    Raises:
        OutsideServiceAreaError: there is none.
    """
    city = city_of(platform().cities.values(), pickup)
    if city is None:
        raise _refusal(problems.OutsideServiceAreaError, "no city is served there", names.where, names.pickup)
    return city


def products_of(city: City, name: str | None, names: Names) -> list[Product]:
    """Return the one product that was asked for, or all of the city.

    Raises:
        ProductNotFoundError: the city has no such product.
    """
    if name is None:
        return list(city.products)
    product = city.product(name)
    if product is None:
        known = ", ".join(each.name for each in city.products)
        detail = f"the products of {city.title} are {known}"
        raise _refusal(problems.ProductNotFoundError, detail, names.where, names.product)
    return [product]


def city_named(name: str, names: Names) -> City:
    """Return the city of a ride.

    Raises:
        OutsideServiceAreaError: it is not served any more.
    """
    city = platform().cities.get(name)
    if city is None:
        raise _refusal(problems.OutsideServiceAreaError, f"{name} is not served any more", names.where, names.pickup)
    return city


def quote(city: City, trip: Trip, names: Names, surge: float | None = None) -> Quote:
    """Return what a trip is expected to be now, with ``surge`` or else the present one at its pickup.

    Raises:
        ProductNotFoundError, OutsideServiceAreaError, SamePickupDropoffError, DistanceExceededError: no such trip.
    """
    products_of(city, trip.product, names)
    if surge is None:
        surge = platform().surges.surge_at(city, trip.product, trip.pickup)
    try:
        return pricing.quote(city, trip, surge, datetime.now(UTC))
    except tuple(_REFUSALS) as error:
        name = names.destination if city.contains(trip.pickup) else names.pickup
        raise _refusal(_REFUSALS[type(error)], str(error), names.where, name) from error


def _refusal(kind: type[ProblemError], detail: str, where: str, name: str) -> ProblemError:
    return kind(detail, errors=[FieldError(where, name, detail)])
