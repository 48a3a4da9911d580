"""Who gets which ride, on numbers alone: a sparse graph with costs in, at most one driver per ride out."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

from domain.rides.geo import Floats, Indices

NOBODY = -1

# The solver's time grows with the square of the rides, so parts of the graph that share no driver are solved apart;
# small ones are put together up to this size, because each call has a price of its own.
_CHUNK_RIDES = 500
# What the solver takes for each ride squared and for each edge, measured on 500 to 10,000 rides some of which had to
# give way. Where drivers abound it is a fifth of that, but there the parts are small.
_RIDE_SQUARED_S, _EDGE_S = 3e-8, 5e-7


@dataclass(frozen=True, slots=True, eq=False)
class Edges:
    """Edge ``e``: ride ``rides[e]`` may be served by ``drivers[e]``, which costs ``costs[e]``, at least 1."""

    rides: Indices
    drivers: Indices
    costs: Floats

    def take(self, rows: Indices) -> Edges:
        """Return some of the edges."""
        return Edges(self.rides[rows], self.drivers[rows], self.costs[rows])


@dataclass(frozen=True, slots=True, eq=False)
class Assignment:
    """The driver of each ride, or ``NOBODY``, and how many rides were given out greedily for want of time."""

    drivers: Indices
    greedy_rides: int


def assign(edges: Edges, unserved: Floats, budget_s: float) -> Assignment:
    """Give drivers to rides so that the sum of costs is the least; ``unserved[r]`` is what ride ``r`` costs without.

    The solver cannot be interrupted. Before each part it is estimated whether it would end within what is left of
    ``budget_s``; if not, the part is done greedily. The small parts come first, so one giant does not spoil them.
    """
    ends_at = time.perf_counter() + budget_s
    drivers = np.full(len(unserved), NOBODY, dtype=np.intp)
    greedy_rides = 0
    for part in sorted(_chunks(edges, len(unserved)), key=lambda part: len(part.rides)):
        if time.perf_counter() + _estimate_s(part) <= ends_at:
            _solve(part, unserved, drivers)
        else:
            _serve_in_turn(part, unserved, drivers)
            greedy_rides += len(np.unique(part.rides))
    return Assignment(drivers, greedy_rides)


def _chunks(edges: Edges, ride_count: int) -> list[Edges]:
    """Cut the graph where no edge is cut: whole components, the small ones together and each large one by itself."""
    if not len(edges.rides):
        return []
    nodes = ride_count + int(edges.drivers.max()) + 1
    graph = coo_array((np.ones(len(edges.rides)), (edges.rides, ride_count + edges.drivers)), shape=(nodes, nodes))
    count, labels = connected_components(graph, directed=False)
    sizes = np.bincount(labels[:ride_count], minlength=count)
    chunk_of_component = np.empty(count, dtype=np.intp)
    by_size = np.argsort(sizes)
    chunk_of_component[by_size] = np.cumsum(sizes[by_size]) // _CHUNK_RIDES
    chunks = chunk_of_component[labels[edges.rides]]
    order = np.argsort(chunks, kind="stable")
    starts = np.flatnonzero(np.diff(chunks[order])) + 1
    return [edges.take(rows) for rows in np.split(order, starts)]


def _estimate_s(part: Edges) -> float:
    return len(np.unique(part.rides)) ** 2 * _RIDE_SQUARED_S + len(part.rides) * _EDGE_S


def _solve(part: Edges, unserved: Floats, drivers: Indices) -> None:
    """Write the optimum of ``part`` into ``drivers`` (LAPJVsp: Jonker and Volgenant, 1987, on a sparse matrix).

    The solver wants a full matching. Every ride has a column of its own for that, which stands for going without.
    """
    ride_ids, rows = np.unique(part.rides, return_inverse=True)
    driver_ids, columns = np.unique(part.drivers, return_inverse=True)
    own = np.arange(len(ride_ids))
    weights = coo_array(
        (
            np.concatenate((part.costs, unserved[ride_ids])),
            (np.concatenate((rows, own)), np.concatenate((columns, len(driver_ids) + own))),
        )
    )
    _, chosen = min_weight_full_bipartite_matching(weights.tocsr())
    is_served = chosen < len(driver_ids)
    drivers[ride_ids[is_served]] = driver_ids[chosen[is_served]]


def _serve_in_turn(part: Edges, unserved: Floats, drivers: Indices) -> None:
    """Let each ride take the cheapest driver that is left, the one first that is dearest to leave waiting."""
    taken: set[int] = set()
    order = np.lexsort((part.costs, part.rides, -unserved[part.rides]))
    for ride, driver in zip(part.rides[order].tolist(), part.drivers[order].tolist(), strict=True):
        if driver not in taken and drivers[ride] == NOBODY:
            drivers[ride] = driver
            taken.add(driver)
