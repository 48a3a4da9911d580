"""What the rules of rides need from the outside; adapters provide it, and fakes in tests."""

from __future__ import annotations

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

import numpy as np

from domain.rides.model import Fix, Place

STALE_S = 60.0
"""Where a driver was so long ago says no longer where the driver is."""
FORGET_S = 24 * 3600.0
"""Where a driver was so long ago is forgotten."""
MAX_PICKUP_M = 5000.0
"""Drivers farther away than this, in a straight line, are not asked."""


@dataclass(frozen=True, slots=True)
class DriverFix:
    """A fix of a driver to be pushed."""

    driver_id: str
    fix: Fix


@dataclass(frozen=True, slots=True)
class AvailableDriver:
    """A driver who may be offered rides of ``product``."""

    driver_id: str
    product: str


@dataclass(frozen=True, slots=True)
class Supply:
    """The available drivers of one city and product at one moment, row by row: ``ids[i]`` is at ``latitudes[i]``."""

    ids: Sequence[str]
    latitudes: np.ndarray
    longitudes: np.ndarray

    def without(self, drivers: Set[str]) -> Supply:
        """Return the supply without some of its drivers."""
        rows = [row for row, driver_id in enumerate(self.ids) if driver_id not in drivers]
        if len(rows) == len(self.ids):
            return self
        return Supply([self.ids[row] for row in rows], self.latitudes[rows], self.longitudes[rows])


@dataclass(frozen=True, slots=True)
class NearestQuery:
    """A wish for the ``count`` candidates of ``product`` that are nearest to ``place``."""

    product: str
    place: Place
    count: int


class DriverIndexError(Exception):
    """The index is away; what it would have said must be done without."""


class DriverIndex(Protocol):
    """Where drivers are and which of them are free: hints, which may be lost at any time and are rebuilt.

    Drivers without a fix for ``STALE_S`` are not among the candidates. Everything raises ``DriverIndexError``.
    """

    def push(self, city: str, fixes: Sequence[DriverFix]) -> list[bool]:
        """Take fixes and say of each whether it was newer than the driver's last; a candidate is then found there."""

    def set_available(self, city: str, driver: AvailableDriver, mark: int | None = None) -> bool:
        """Make a driver a candidate, from the last fix on if that is fresh, else from the next.

        Return ``False``, and do nothing, if the driver came or went since ``mark``.
        """

    def set_unavailable(self, city: str, driver_id: str, mark: int | None = None) -> bool:
        """Take a driver out of the candidates; fixes that come later change nothing about that.

        Return ``False``, and do nothing, if the driver came or went since ``mark``.
        """

    def nearest(self, city: str, queries: Sequence[NearestQuery]) -> list[list[tuple[str, float]]]:
        """Return for each query up to ``count`` candidates and their distances (m), the nearest first."""

    def supply(self, city: str, product: str) -> Supply:
        """Return all candidates."""

    def findable(self, city: str) -> int:
        """Return how many candidates there are, of whatever product."""

    def last_positions(self, city: str, driver_ids: Sequence[str]) -> dict[str, Fix]:
        """Return where drivers were last seen; whoever never was, or long ago, may be missing."""

    def knows_since(self, city: str) -> datetime:
        """Return since when nothing was lost; who has no last position was not seen since, or for ``FORGET_S``."""

    def mark(self, city: str) -> int:
        """Return a mark: what is read from the database after this call is newer than every change up to now."""

    def rebuild(self, city: str, drivers: Sequence[AvailableDriver], mark: int | None = None) -> None:
        """Make exactly ``drivers`` the candidates, but for whoever came or went since ``mark``.

        Positions that are older than ``FORGET_S`` are forgotten.
        """


@dataclass(frozen=True, slots=True)
class Etas:
    """The seconds of some drives, in their order (``inf``: no way), and who said so."""

    seconds: np.ndarray
    source: str


class EtaProvider(Protocol):
    """How long it takes to drive from one place to another. It never fails: the default stands in for a router."""

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        """Return the time of each ``origins[i]`` to ``destinations[i]``."""
