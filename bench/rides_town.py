"""A made-up town for the rides' figures: where people call for cars, and where the cars are."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import numpy as np

from adapters.city_folder import read_city
from config.settings import REPOSITORY
from domain.rides.eta import HaversineEta
from domain.rides.geo import Floats, Places
from domain.rides.model import OpenSearch, Place
from domain.rides.ports import Supply

NOW = datetime(2026, 5, 5, 12, tzinfo=UTC)
# 8 m/s at any hour.
CITY = replace(read_city(REPOSITORY / "config" / "cities" / "demo.toml"), speeds_km_per_h=(28.8,) * 24)
ETA = HaversineEta(CITY, lambda: NOW)
PRODUCT = "standard"

_HOT_SPOTS = 12
_SPREAD_M = 800
_M_PER_DEGREE = np.array([111_195.0, 111_195.0 * np.cos(np.radians(CITY.centre.latitude))])


class Town:
    """A square in which 60 % of the rides begin at twelve hot spots, and 60 % of the drivers are at twelve others.

    Half of the hot spots are both: cars gather where rides end, which is only partly where the next ones begin.
    """

    def __init__(self, side_m: float, seed: int) -> None:
        self._random = np.random.default_rng(seed)
        self._side_m = side_m
        spots = self._anywhere(_HOT_SPOTS * 3 // 2)
        self._ride_spots, self._driver_spots = spots[:_HOT_SPOTS], spots[-_HOT_SPOTS:]

    def pickups(self, count: int) -> Places:
        """Return where ``count`` rides begin."""
        return _on_the_globe(self._crowd(count, self._ride_spots))

    def destinations(self, count: int) -> Places:
        """Return where ``count`` rides end, and where drivers wait: for the next one they stay."""
        return _on_the_globe(self._crowd(count, self._driver_spots))

    def _anywhere(self, count: int) -> Floats:
        return self._random.uniform(-self._side_m / 2, self._side_m / 2, (count, 2))

    def _crowd(self, count: int, spots: Floats) -> Floats:
        at_spots = spots[self._random.integers(0, len(spots), count)] + self._random.normal(0, _SPREAD_M, (count, 2))
        return np.where(self._random.random((count, 1)) < 0.6, at_spots, self._anywhere(count))


def search_at(pickup: Place, since: datetime = NOW) -> OpenSearch:
    """Return a search for a driver."""
    return OpenSearch(uuid4(), uuid4(), PRODUCT, pickup, since, frozenset())


def supply_at(places: Places) -> Supply:
    """Return a driver at each of ``places``."""
    return Supply([f"driver-{number}" for number in range(len(places))], places.latitudes, places.longitudes)


def _on_the_globe(metres: Floats) -> Places:
    degrees = metres / _M_PER_DEGREE
    return Places(CITY.centre.latitude + degrees[:, 0], CITY.centre.longitude + degrees[:, 1])
