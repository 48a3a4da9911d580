"""Moving over the ground: metres on a plane that touches the earth, which is exact enough for a city.

Not by ``domain.rides.geo``, which is for many places at once: every ``yardmaster`` command would load its numpy.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from domain.rides.model import Place

METRES_PER_DEGREE = 111_195.0
"""Of latitude, on a sphere of 6,371 km."""


def distance_m(one: Place, other: Place) -> float:
    """Return the length of the straight line between two places."""
    return math.hypot(*_apart(one, other))


def offset(place: Place, east_m: float, north_m: float) -> Place:
    """Return the place that lies so far to the east and north of ``place``."""
    return Place(
        place.latitude + north_m / METRES_PER_DEGREE,
        place.longitude + east_m / (METRES_PER_DEGREE * math.cos(math.radians(place.latitude))),
    )


def bearing(start: Place, target: Place) -> float:
    """Return the direction from ``start`` to ``target`` in degrees clockwise from north, in [0, 360)."""
    return math.degrees(math.atan2(*_apart(start, target))) % 360


def _apart(start: Place, target: Place) -> tuple[float, float]:
    shrink = math.cos(math.radians(start.latitude))
    return (
        (target.longitude - start.longitude) * METRES_PER_DEGREE * shrink,
        (target.latitude - start.latitude) * METRES_PER_DEGREE,
    )


@dataclass(slots=True)
class Car:
    """A car that drives in straight lines at one speed; ``at_s`` is when it was at ``place``."""

    place: Place
    speed_mps: float
    at_s: float = 0.0
    target: Place | None = None
    bearing: float = 0.0

    def head_for(self, target: Place, now_s: float) -> None:
        """Drive to ``target`` from where the car is at ``now_s``."""
        self.move(now_s)
        self.target = target
        self.bearing = bearing(self.place, target)

    def stop(self, now_s: float) -> None:
        """Stand still from ``now_s`` on."""
        self.move(now_s)
        self.target = None

    def move(self, now_s: float) -> None:
        """Bring the place up to ``now_s``; a car that has arrived has no target any more."""
        left_m, driven_m = self.left_s(self.at_s) * self.speed_mps, (now_s - self.at_s) * self.speed_mps
        if self.target is not None:
            if driven_m >= left_m:
                self.place, self.target = self.target, None
            else:
                east_m, north_m = _apart(self.place, self.target)
                share = driven_m / left_m
                self.place = offset(self.place, east_m * share, north_m * share)
        self.at_s = now_s

    def left_s(self, now_s: float) -> float:
        """Return in how many seconds from ``now_s`` the car arrives; 0 when it stands."""
        if self.target is None:
            return 0.0
        return max(0.0, self.at_s + distance_m(self.place, self.target) / self.speed_mps - now_s)
