"""From what a driver sends to the domain's records, or to every reason why it cannot be."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from domain.rides.cities import City
from domain.rides.model import Fix, Place, Vehicle
from domain.rides.odometer import MAX_CLOCK_SKEW
from store.rides.drivers import DriverProfile
from web.problems import FieldError, InvalidFieldsError, ProductNotFoundError, pointer
from web.schemas.drivers import DriverIn, FixesIn, FixIn

MAX_AGE = timedelta(days=1)


def to_profile(driver_id: str, body: DriverIn, cities: Mapping[str, City]) -> DriverProfile:
    """Return what a driver registers with.

    Raises:
        InvalidFieldsError: there is no such city.
        ProductNotFoundError: the city has no such product.
    """
    city = cities.get(body.city)
    if city is None:
        raise _invalid([FieldError("pointer", "/city", f"is not one of {', '.join(sorted(cities))}")])
    if city.product(body.product) is None:
        detail = f"the products of {city.title} are {', '.join(product.name for product in city.products)}"
        raise ProductNotFoundError(detail, errors=[FieldError("pointer", "/product", detail)])
    vehicle = Vehicle(**body.vehicle.model_dump())
    return DriverProfile(driver_id, body.name, vehicle, body.product, body.city)


def to_fixes(body: FixesIn, now: datetime) -> list[Fix]:
    """Return a push's fixes.

    Raises:
        InvalidFieldsError: one is of the future, or so old that the clock must be wrong.
    """
    errors = [
        FieldError("pointer", pointer(("fixes", number, "at")), fault)
        for number, fix in enumerate(body.fixes)
        if (fault := _fault(fix.at, now))
    ]
    if errors:
        raise _invalid(errors)
    return [_to_fix(fix) for fix in body.fixes]


def _fault(at: datetime, now: datetime) -> str | None:
    if at > now + MAX_CLOCK_SKEW:
        return "must not be in the future"
    return "must not be more than a day ago" if at < now - MAX_AGE else None


def _to_fix(fix: FixIn) -> Fix:
    return Fix(Place(fix.latitude, fix.longitude), fix.at, fix.accuracy_m, fix.bearing)


def _invalid(errors: list[FieldError]) -> InvalidFieldsError:
    return InvalidFieldsError("the request has invalid fields", errors=errors)
