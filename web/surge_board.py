"""How demand and supply stand in each city: counted every few seconds at most, however many ask for a price."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.orm import Session

from domain.rides.cities import City
from domain.rides.geo import Places
from domain.rides.model import Place
from domain.rides.ports import DriverIndex, DriverIndexError
from domain.rides.surge import SurgeMap
from store.rides import drivers, rides

TTL_S = 10.0
"""A price may be this much behind; counting a hundred thousand drivers takes some tenths of a second."""


@dataclass(slots=True)
class _Entry:
    counting: threading.Lock = field(default_factory=threading.Lock)
    counted_at: float = float("-inf")
    map: SurgeMap | None = None


class SurgeBoard:
    """The surge maps of every city and product; safe for many threads, of which one at a time counts."""

    def __init__(
        self,
        sessions: Callable[[], Session],
        index: DriverIndex,
        cities: Mapping[str, City],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sessions = sessions
        self._index = index
        self._clock = clock
        self._entries = {(city.name, product.name): _Entry() for city in cities.values() for product in city.products}

    def surge_at(self, city: City, product: str, place: Place) -> float:
        """Return the multiplier of a price; 1.0 while the positions are not to be had."""
        try:
            return self.map_of(city, product).surge_at(place)
        except DriverIndexError:
            return 1.0

    def map_of(self, city: City, product: str) -> SurgeMap:
        """Return the map of one of the city's products.

        Raises:
            DriverIndexError: the index is away, and was when it was last asked.
        """
        entry = self._entries[city.name, product]
        # Whoever comes while another counts takes the map that there is; only the very first one is waited for.
        if not entry.counting.acquire(blocking=entry.map is None):
            assert entry.map is not None
            return entry.map
        try:
            if entry.map is None or self._clock() - entry.counted_at >= TTL_S:
                entry.map = self._count(city, product)
                entry.counted_at = self._clock()
            return entry.map
        finally:
            entry.counting.release()

    def _count(self, city: City, product: str) -> SurgeMap:
        supply = self._index.supply(city.name, product)
        with self._sessions() as session:
            demand = rides.open_pickups(session, city.name, product)
            busy = drivers.busy_drivers(session, city.name)
        free = supply.without(busy)  # Whoever is being asked stays in the index, and drives nobody else meanwhile.
        return SurgeMap(demand, Places(free.latitudes, free.longitudes), city.surge_cap)
