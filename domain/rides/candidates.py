"""Who may be offered which ride, before anybody asks what is best: the nearest drivers of each open search.

While few rides wait the index is asked for the nearest of each; from about a thousand on, one snapshot of all drivers
in a k-d tree is cheaper.
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
from domain.rides.ports import Supply

MAX_PICKUP_M = 5_000
"""Drivers farther away than this, in a straight line, are not asked."""


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


_NOBODY = Candidates((), (), Places([], []), np.empty(0, np.intp), np.empty(0, np.intp))


def candidates_per_ride(rides: int, drivers: int) -> int:
    """Return how many drivers each ride should choose among.

    Where drivers are scarce, the nearest ten are everybody's nearest ten, and rides go without though somebody is
    free a street farther. Where there are plenty, more than ten change nothing.
    """
    if drivers < 5 * rides:
        return 40
    return 20 if drivers < 20 * rides else 10


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
    wanting = [searches[row] for row in rows.tolist()]
    pickups, drivers = Places.of([search.pickup for search in wanting]), Places(supply.latitudes, supply.longitudes)
    origin = pickups[0]
    count = candidates_per_ride(len(wanting), len(drivers))
    # A ride that was declined many times still gets its full choice.
    reach = min(count + max(len(search.excluded_drivers) for search in wanting), len(drivers))
    # Balancing the tree would take three times as long as building it, and win nothing on a city.
    tree = cKDTree(project(drivers, origin), balanced_tree=False, compact_nodes=False)
    found = tree.query(project(pickups, origin), k=np.arange(1, reach + 1), distance_upper_bound=max_pickup_m)
    distances, columns = np.asarray(found[0]), np.asarray(found[1])
    is_candidate = np.isfinite(distances) & ~_is_excluded(wanting, supply.ids, columns)
    is_candidate &= is_candidate.cumsum(axis=1) <= count
    chosen, positions = np.unique(columns[is_candidate], return_inverse=True)
    driver_ids = [supply.ids[column] for column in chosen.tolist()]
    return Candidates(wanting, driver_ids, drivers.take(chosen), np.repeat(rows, is_candidate.sum(axis=1)), positions)


def _is_excluded(searches: Sequence[OpenSearch], driver_ids: Sequence[str], columns: Indices) -> NDArray[np.bool_]:
    """Tell of each search (row) and driver found for it whether it has excluded that driver."""
    is_excluded = np.zeros(columns.shape, dtype=np.bool_)
    for row, search in enumerate(searches):
        if search.excluded_drivers:
            # The tree fills a row that has too few neighbours with the number after the last driver's.
            is_excluded[row] = [
                column < len(driver_ids) and driver_ids[column] in search.excluded_drivers
                for column in columns[row].tolist()
            ]
    return is_excluded
