"""Who may be offered which ride, before anybody asks what is best: the nearest drivers of each open search.

While few rides wait the index is asked for the nearest of each; from about a thousand on, one snapshot of all drivers
in a k-d tree is cheaper.

In a crowd the nearest drivers of one are the nearest of all, and whoever is left out does not know the next ones. So
the search goes in rounds. After each, the rides take drivers in turn, as if that were the end of it; while some go
without who saw no end of drivers, all rides are told of the nearest that were left. Otherwise the best assignment of
these candidates could be worse than simply taking turns among all drivers: by up to a sixth, where many rides and few
drivers come together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from domain.rides.geo import Indices, Places, project
from domain.rides.model import OpenSearch, Place
from domain.rides.ports import MAX_PICKUP_M, Supply


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """A sparse graph of searches and drivers, edge by edge.

    Edge ``e`` says that ``driver_ids[drivers[e]]``, who is at ``places[drivers[e]]``, may be offered
    ``searches[rides[e]]``. Every driver has an edge, and no edge comes twice.
    """

    searches: Sequence[OpenSearch]
    driver_ids: Sequence[str]
    places: Places
    rides: Indices
    drivers: Indices


PLENTY, SCARCE = 10, 20
"""Among how many drivers each ride chooses in a round: where there are plenty, more change nothing."""

_ROUNDS = 5
_NOBODY = Candidates((), (), Places([], []), np.empty(0, np.intp), np.empty(0, np.intp))


def candidates_by_supply(
    searches: Sequence[OpenSearch], supplies: Mapping[str, Supply], max_pickup_m: float = MAX_PICKUP_M
) -> Candidates:
    """Choose from all available drivers; ``supplies`` has those of each product."""
    products = np.array([search.product for search in searches])
    parts = [_NOBODY]
    for product, supply in supplies.items():
        rows = np.flatnonzero(products == product)
        if len(rows) and len(supply.ids):
            parts.append(_of_product(searches, rows, supply, max_pickup_m))
    starts = accumulate((len(part.driver_ids) for part in parts), initial=0)
    return Candidates(
        searches,
        [driver_id for part in parts for driver_id in part.driver_ids],
        Places(
            np.concatenate([part.places.latitudes for part in parts]),
            np.concatenate([part.places.longitudes for part in parts]),
        ),
        np.concatenate([part.rides for part in parts]),
        np.concatenate([part.drivers + start for part, start in zip(parts, starts, strict=False)]),
    )


def candidates_by_nearest(
    searches: Sequence[OpenSearch],
    nearest: Sequence[Sequence[tuple[str, float]]],
    places: Mapping[str, Place],
) -> Candidates:
    """Choose from what ``DriverIndex.nearest`` said for each search.

    ``places`` tells where those drivers are; whoever is missing there has gone since, and is no candidate.
    """
    columns: dict[str, int] = {}
    edges = [
        (row, columns.setdefault(driver_id, len(columns)))
        for row, (search, found) in enumerate(zip(searches, nearest, strict=True))
        for driver_id, _ in found
        if driver_id in places and driver_id not in search.excluded_drivers
    ]
    rides, drivers = np.array(edges, dtype=np.intp).reshape(-1, 2).T
    driver_ids = list(columns)
    return Candidates(searches, driver_ids, Places.of([places[each] for each in driver_ids]), rides, drivers)


def _of_product(searches: Sequence[OpenSearch], rows: Indices, supply: Supply, max_pickup_m: float) -> Candidates:
    """Return the candidates of the searches in ``rows``, all of one product, among its drivers."""
    rides, drivers = _Market([searches[row] for row in rows.tolist()], supply, max_pickup_m).edges()
    chosen, positions = np.unique(drivers, return_inverse=True)
    return Candidates(
        searches,
        [supply.ids[driver] for driver in chosen.tolist()],
        Places(supply.latitudes, supply.longitudes).take(chosen),
        rows[rides],
        positions,
    )


class _Market:
    """The searches and the drivers of one product, of each at least one, on a flat map."""

    def __init__(self, searches: Sequence[OpenSearch], supply: Supply, max_pickup_m: float) -> None:
        origin = searches[0].pickup
        self._searches = searches
        self._driver_ids = supply.ids
        self._pickups = project(Places.of([search.pickup for search in searches]), origin)
        self._spots = project(Places(supply.latitudes, supply.longitudes), origin)
        self._max_pickup_m = max_pickup_m
        self._count = SCARCE if len(supply.ids) < 20 * len(searches) else PLENTY
        # A ride that was declined many times still gets its full choice.
        self._reach = self._count + max(len(search.excluded_drivers) for search in searches)

    def edges(self) -> tuple[Indices, Indices]:
        """Return the rides and drivers of all edges, each edge once, in the order of the rides."""
        edges: list[Indices] = []
        is_left = np.ones(len(self._driver_ids), dtype=np.bool_)
        waiting = sorted(range(len(self._searches)), key=lambda ride: self._searches[ride].searching_since)
        for _ in range(_ROUNDS):
            rides, drivers = self._nearest(np.flatnonzero(is_left))
            edges.append(rides * len(is_left) + drivers)
            taken = _take_turns(waiting, rides, drivers)
            is_left[list(taken.values())] = False
            # Whoever was told of fewer than asked for knows all there are within reach.
            found = np.bincount(rides, minlength=len(self._searches))
            waiting = [ride for ride in waiting if ride not in taken and found[ride] == self._count]
            if not (waiting and taken and is_left.any()):
                break
        rides, drivers = np.divmod(np.unique(np.concatenate(edges)), len(is_left))
        return rides, drivers

    def _nearest(self, left: Indices) -> tuple[Indices, Indices]:
        """Return the edges of each ride to its nearest drivers in ``left``, the nearest first."""
        # Balancing the tree would take three times as long as building it, and win nothing on a city.
        tree = cKDTree(self._spots[left], balanced_tree=False, compact_nodes=False)
        ranks = np.arange(1, min(self._reach, len(left)) + 1)
        answer = tree.query(self._pickups, k=ranks, distance_upper_bound=self._max_pickup_m)
        # Where there are too few, the tree says that they are infinitely far and have the number after the last.
        is_near = np.isfinite(np.asarray(answer[0]))
        columns = left[np.minimum(np.asarray(answer[1]), len(left) - 1)]
        is_near &= ~self._is_excluded(columns)
        is_near &= is_near.cumsum(axis=1) <= self._count
        return is_near.nonzero()[0], columns[is_near]

    def _is_excluded(self, columns: Indices) -> NDArray[np.bool_]:
        is_excluded = np.zeros(columns.shape, dtype=np.bool_)
        for ride, search in enumerate(self._searches):
            if search.excluded_drivers:
                found = (self._driver_ids[driver] for driver in columns[ride].tolist())
                is_excluded[ride] = [driver_id in search.excluded_drivers for driver_id in found]
        return is_excluded


def _take_turns(waiting: Sequence[int], rides: Indices, drivers: Indices) -> dict[int, int]:
    """Let each ride in ``waiting`` take the first of its drivers that is left; ``rides`` are in ascending order."""
    starts = np.searchsorted(rides, waiting).tolist()
    ends = np.searchsorted(rides, waiting, side="right").tolist()
    numbers = drivers.tolist()
    gone: set[int] = set()
    taken: dict[int, int] = {}
    for ride, start, end in zip(waiting, starts, ends, strict=True):
        driver = next((each for each in numbers[start:end] if each not in gone), None)
        if driver is not None:
            gone.add(driver)
            taken[ride] = driver
    return taken
