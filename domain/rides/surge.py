"""Prices that rise where more passengers wait than drivers are free, cell by cell.

Cells are H3's hexagons of resolution 8 (https://h3geo.org): half a kilometre from centre to corner. A driver in the
next cell is two minutes away, so each cell also counts its neighbours, by half.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import h3

from domain.rides.model import Place

RESOLUTION = 8

_NEIGHBOUR_WEIGHT = 0.5
# Every cell is taken to have so many more of both: one passenger at the edge of the city is no shortage.
_BALANCED = 5.0


@dataclass(frozen=True, slots=True)
class HeatMapCell:
    """One cell: how many wait there (``demand``), how many are free there (``supply``), and the multiplier."""

    cell: str
    demand: int
    supply: int
    surge: float


class SurgeMap:
    """The balance of one city and product at one moment. Build it every few seconds, and ask it as often as you like.

    The multiplier is demand over supply, both smoothed, in [1, ``cap``] and in whole tenths, rounded down.
    """

    def __init__(self, demand: Iterable[Place], supply: Iterable[Place], cap: float) -> None:
        self._demand = Counter(map(cell_of, demand))
        self._supply = Counter(map(cell_of, supply))
        self._cap = cap

    def surge_at(self, place: Place) -> float:
        """Return the multiplier of a price at ``place``; 1.0 where nobody is."""
        return self._surge(cell_of(place))

    def cells(self) -> list[HeatMapCell]:
        """Return every cell with anybody in it, those of the highest multiplier and demand first."""
        cells = (
            HeatMapCell(cell, self._demand[cell], self._supply[cell], self._surge(cell))
            for cell in self._demand.keys() | self._supply.keys()
        )
        return sorted(cells, key=lambda cell: (-cell.surge, -cell.demand, cell.cell))

    def _surge(self, cell: str) -> float:
        ring = [neighbour for neighbour in h3.grid_disk(cell, 1) if neighbour != cell]
        ratio = _smoothed(self._demand, cell, ring) / _smoothed(self._supply, cell, ring)
        return math.floor(10 * min(max(ratio, 1.0), self._cap)) / 10


def cell_of(place: Place) -> str:
    """Return the name of the cell that ``place`` lies in."""
    cell: str = h3.latlng_to_cell(place.latitude, place.longitude, RESOLUTION)
    return cell


def _smoothed(counts: Counter[str], cell: str, ring: list[str]) -> float:
    return _BALANCED + counts[cell] + _NEIGHBOUR_WEIGHT * sum(counts[neighbour] for neighbour in ring)
