"""Cities, rides and offers as the API shows them, as far as people look at them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from cli.simulation.plans import CityMap
from domain.rides.model import Place, RideStatus, SearchStatus

MIN_POLL_S = 1.0
DEFAULT_POLL_S = 10.0
ANY_SURGE = 10
"""People here pay whatever a ride costs: the API takes no higher ``max_surge``."""


@dataclass(frozen=True, slots=True)
class RideView:
    """A ride at the moment of an answer."""

    id: str
    status: RideStatus
    search_status: SearchStatus
    driver_id: str | None
    pickup: Place
    destination: Place
    version: int
    poll_after_s: float
    created_at: datetime
    matched_at: datetime | None
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class OfferView:
    """A ride that a driver may take."""

    id: str
    ride_id: str
    pickup: Place
    destination: Place


def read_ride(body: Mapping[str, object]) -> RideView:
    """Read a ride out of an answer.

    Raises:
        KeyError, TypeError, ValueError: the API has not shown a ride.
    """
    poll_after_s = body.get("poll_after_s")
    return RideView(
        id=str(body["id"]),
        status=RideStatus(str(body["status"])),
        search_status=SearchStatus(str(body["search_status"])),
        driver_id=_driver_id(body["driver"]),
        pickup=_place(body["pickup"]),
        destination=_place(body["destination"]),
        version=int(str(body["version"])),
        poll_after_s=DEFAULT_POLL_S if poll_after_s is None else max(MIN_POLL_S, float(str(poll_after_s))),
        created_at=datetime.fromisoformat(str(body["created_at"])),
        matched_at=_moment(body["matched_at"]),
        started_at=_moment(body["started_at"]),
    )


def read_offer(body: Mapping[str, object]) -> OfferView:
    """Read an offer out of an answer.

    Raises:
        KeyError, TypeError, ValueError: the API has not shown an offer.
    """
    return OfferView(str(body["id"]), str(body["ride_id"]), _place(body["pickup"]), _place(body["destination"]))


def read_cities(body: Mapping[str, object]) -> dict[str, CityMap]:
    """Read the cities, by name, out of an answer.

    Raises:
        KeyError, TypeError, ValueError: the API has not shown cities.
    """
    cities = body["cities"]
    if not isinstance(cities, list):
        raise TypeError(f"not a list of cities: {cities!r}")
    maps = (
        CityMap(
            str(city["name"]),
            _place(city["centre"]),
            float(city["radius_km"]) * 1000,
            tuple(str(product["name"]) for product in city["products"]),
        )
        for city in cities
    )
    return {city.name: city for city in maps}


def show_place(place: Place) -> dict[str, object]:
    """Return a place as the API takes it; seven digits are a centimetre."""
    return {"latitude": round(place.latitude, 7), "longitude": round(place.longitude, 7)}


def _place(value: object) -> Place:
    if not isinstance(value, Mapping):
        raise TypeError(f"not a place: {value!r}")
    return Place(float(value["latitude"]), float(value["longitude"]))


def _driver_id(value: object) -> str | None:
    return str(value["id"]) if isinstance(value, Mapping) else None


def _moment(value: object) -> datetime | None:
    return None if value is None else datetime.fromisoformat(str(value))
