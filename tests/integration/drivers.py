"""A clock to turn, and drivers about a market square."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from domain.rides.model import Fix, Place
from domain.rides.ports import DriverFix, DriverIndex, NearestQuery

CITY = "demo"
SQUARE = Place(49.9456, 11.5713)
METRES_PER_DEGREE = 111_195.0


class Clock:
    def __init__(self, now_s: float = 1_800_000_000.0) -> None:
        self.now_s = now_s

    def __call__(self) -> float:
        return self.now_s


def east(metres: float, of: Place = SQUARE) -> Place:
    return Place(of.latitude, of.longitude + metres / METRES_PER_DEGREE / math.cos(math.radians(of.latitude)))


def fix_at(driver_id: str, at_s: float, place: Place = SQUARE) -> DriverFix:
    return DriverFix(driver_id, Fix(place, datetime.fromtimestamp(at_s, UTC), accuracy_m=7.5, bearing=90.0))


def nearest(index: DriverIndex, product: str, place: Place, count: int) -> list[tuple[str, float]]:
    [found] = index.nearest(CITY, [NearestQuery(product, place, count)])
    return found
