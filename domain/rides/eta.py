"""How long a drive takes when no router is asked: the distance, the city's detour, the speed of the hour."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from domain.rides.cities import City
from domain.rides.geo import Places, distances_m
from domain.rides.model import Place
from domain.rides.ports import Etas

SOURCE = "haversine"
START_AND_STOP_S = 45.0
"""What every drive takes beyond its way: to see the offer, set off, and find the kerb at its end."""


class HaversineEta:
    """The default ``EtaProvider``, of one city. It knows neither rivers nor jams, so its answers are estimates."""

    def __init__(self, city: City, clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._city = city
        self._clock = clock

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        """Return the seconds of each ``origins[i]`` to ``destinations[i]``; of ``Places`` it takes millions."""
        distances = distances_m(Places.of(origins), Places.of(destinations))
        seconds_per_m = self._city.detour / self._city.speed_m_per_s(self._clock())
        return Etas(distances * seconds_per_m + START_AND_STOP_S, SOURCE)
