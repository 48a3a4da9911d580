"""The cities that are served: where they end, what is on offer there, and how fast one gets about."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from domain.rides.geo import distance_m
from domain.rides.model import Place

# How much longer a road is than the straight line: the median of real networks for trips of 0.3 to 10 km, measured
# on extracts of OpenStreetMap, lies between 1.3 and 1.5.
DETOUR = 1.4


@dataclass(frozen=True, slots=True)
class Fare:
    """What a trip costs, in minor units of the city's currency. The booking fee knows no surge."""

    base: int
    per_km: int
    per_minute: int
    minimum: int
    booking_fee: int


@dataclass(frozen=True, slots=True)
class Product:
    """A kind of car: ``name`` is the API's word for it, ``title`` what passengers read; ``capacity`` counts them."""

    name: str
    title: str
    capacity: int
    fare: Fare


@dataclass(frozen=True, slots=True)
class City:
    """One market: its drivers and rides are matched among themselves.

    The service area is the circle of ``radius_km`` about ``centre``. ``speeds_km_per_h`` has the mean speed of each
    local hour, from midnight on. ``surge_cap`` is the highest multiplier of a price.
    """

    name: str
    title: str
    centre: Place
    radius_km: float
    currency: str
    timezone: str
    products: tuple[Product, ...]
    speeds_km_per_h: tuple[float, ...]
    detour: float = DETOUR
    max_trip_km: float = 160
    surge_cap: float = 3.0

    def contains(self, place: Place) -> bool:
        """Tell whether ``place`` lies in the service area."""
        return distance_m(self.centre, place) <= self.radius_km * 1000

    def product(self, name: str) -> Product | None:
        """Return the product called ``name``."""
        return next((product for product in self.products if product.name == name), None)

    def speed_m_per_s(self, at: datetime) -> float:
        """Return the mean speed in the local hour of ``at``, an aware time."""
        return self.speeds_km_per_h[at.astimezone(ZoneInfo(self.timezone)).hour] / 3.6


def city_of(cities: Iterable[City], place: Place) -> City | None:
    """Return the city that serves ``place``; of several the one whose centre is the nearest."""
    serving = (city for city in cities if city.contains(place))
    return min(serving, key=lambda city: distance_m(city.centre, place), default=None)
