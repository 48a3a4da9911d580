"""Places on the globe: distances between them, one or many at once, and a flat map of a city."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TypeAlias, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from domain.rides.model import Place

EARTH_RADIUS_M = 6_371_008.8
"""The mean radius of WGS 84 (IUGG); on a sphere of it distances are wrong by up to 0.5 %."""

Floats: TypeAlias = NDArray[np.float64]
Indices: TypeAlias = NDArray[np.intp]


class Places(Sequence[Place]):
    """Places as two columns of degrees: a sequence like any other, and arithmetic on all of it at once."""

    __slots__ = ("latitudes", "longitudes")

    def __init__(self, latitudes: ArrayLike, longitudes: ArrayLike) -> None:
        self.latitudes: Floats = np.asarray(latitudes, dtype=np.float64)
        self.longitudes: Floats = np.asarray(longitudes, dtype=np.float64)

    @classmethod
    def of(cls, places: Sequence[Place]) -> Places:
        """Return ``places`` as columns; what is columns already comes back as it is."""
        if isinstance(places, Places):
            return places
        return cls([place.latitude for place in places], [place.longitude for place in places])

    def __len__(self) -> int:
        return len(self.latitudes)

    @overload
    def __getitem__(self, index: int) -> Place: ...
    @overload
    def __getitem__(self, index: slice) -> Places: ...
    def __getitem__(self, index: int | slice) -> Place | Places:
        if isinstance(index, slice):
            return Places(self.latitudes[index], self.longitudes[index])
        return Place(float(self.latitudes[index]), float(self.longitudes[index]))

    def take(self, rows: Indices) -> Places:
        """Return the places at ``rows``, in that order; a row may come more than once."""
        return Places(self.latitudes[rows], self.longitudes[rows])


def distance_m(a: Place, b: Place) -> float:
    """Return the length of the great circle from ``a`` to ``b`` (haversine: exact for small distances, too)."""
    a_latitude, b_latitude = math.radians(a.latitude), math.radians(b.latitude)
    half_chord = (
        math.sin((b_latitude - a_latitude) / 2) ** 2
        + math.cos(a_latitude) * math.cos(b_latitude) * math.sin(math.radians(b.longitude - a.longitude) / 2) ** 2
    )
    return 2 * EARTH_RADIUS_M * math.asin(math.sqrt(min(1.0, half_chord)))


def distances_m(a: Places, b: Places) -> Floats:
    """Return the distance of each ``a[i]`` to ``b[i]``."""
    return _haversine(*_radians(a), *_radians(b))


def project(places: Places, origin: Place) -> Floats:
    """Return ``places`` on a flat map, one row of metres (east, north) of ``origin`` for each.

    Equirectangular: 30 km from an origin at 50° the scale is off by half a per cent, which is enough to choose
    candidates by, and nothing to bill by. The 180th meridian may run through the map.
    """
    east = (places.longitudes - origin.longitude + 180) % 360 - 180
    north = places.latitudes - origin.latitude
    scale = math.cos(math.radians(origin.latitude))
    return np.radians(np.column_stack((east * scale, north))) * EARTH_RADIUS_M


def _radians(places: Places) -> tuple[Floats, Floats]:
    return np.radians(places.latitudes), np.radians(places.longitudes)


def _haversine(a_latitude: Floats, a_longitude: Floats, b_latitude: Floats, b_longitude: Floats) -> Floats:
    half_chord = (
        np.sin((b_latitude - a_latitude) / 2) ** 2
        + np.cos(a_latitude) * np.cos(b_latitude) * np.sin((b_longitude - a_longitude) / 2) ** 2
    )
    distances: Floats = 2 * EARTH_RADIUS_M * np.arcsin(np.sqrt(np.minimum(half_chord, 1.0)))
    return distances
