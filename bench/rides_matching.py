"""Matching rides and drivers: how fast a tick decides, and how good it is beside first come, first served."""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.spatial import cKDTree

from bench.figures import Figure, as_table
from bench.rides_town import CITY, ETA, NOW, PRODUCT, Town, search_at, supply_at
from bench.rides_waits import wait_figures
from domain.rides.assignment import NOBODY
from domain.rides.candidates import Candidates, candidates_by_nearest, candidates_by_supply
from domain.rides.eta import START_AND_STOP_S
from domain.rides.geo import Floats, Indices, Places, project
from domain.rides.matching import Matching, MatchingRules, Policy, match
from domain.rides.model import OpenSearch
from domain.rides.ports import MAX_PICKUP_M, Supply

RIDES = 2000
IDLE_DRIVERS = 100_000
SIDE_M = 30_000
DRIVERS_PER_RIDE = (IDLE_DRIVERS / RIDES, 2.0, 1.1, 0.7)
TICKS = 7
TOWNS = 3
NEAREST = 10
# A ride that gets no driver counts as a pickup from twice as far away as anybody is fetched from.
UNSERVED_M = 2 * MAX_PICKUP_M


class PickupTimes(NamedTuple):
    """Mean seconds per ride.

    ``best_of_ten`` and ``turns_of_ten`` are the optimum and turns on the same edges, those to the ten nearest of each
    ride; ``ours`` is a tick's optimum, and ``anew`` are turns among all drivers.
    """

    best_of_ten: float
    turns_of_ten: float
    ours: float
    anew: float


def measure() -> Sequence[Figure]:
    """Measure a tick, a tick's result, and an hour of ticks."""
    return [tick_figure(), *cost_figures(), *wait_figures()]


def tick_figure() -> Figure:
    """Time what a tick decides, from the snapshot of all drivers to the list of offers, when drivers abound."""
    town = Town(SIDE_M, seed=1)
    searches = [search_at(pickup) for pickup in town.pickups(RIDES)]
    supply = supply_at(town.destinations(IDLE_DRIVERS))
    took_s, ticks = [], []
    for _ in range(TICKS):
        began = time.perf_counter()
        ticks.append(_decide(searches, supply).statistics)
        took_s.append(time.perf_counter() - began)
    solver_ms = 1000 * statistics.median(tick.solver_s for tick in ticks)
    return Figure(f"candidates, costs and solution of {RIDES} rides x {IDLE_DRIVERS} drivers, s",
                  statistics.median(took_s), 0.3, "lower",
                  f"an amount: median of {TICKS}, slowest {max(took_s):.3f} s; solver {solver_ms:.0f} ms, "
                  f"{ticks[0].edges} edges, {ticks[0].unserved} unserved")  # fmt: skip


def cost_figures() -> list[Figure]:
    """Hold the sum of pickup times against that of two ways to take turns, on the same rides and drivers.

    One asks an index for the ten nearest of every ride when the tick begins, and lets each ride take who is left of
    them, as is done with an index alone; the other asks anew for each ride, when the one before has its driver. What
    the policy is worth on the same edges, those to the ten nearest, is told beside the figure: a tick has more.
    """
    sums = {per_ride: _sums(per_ride) for per_ride in DRIVERS_PER_RIDE}
    two = sums[2.0]
    worst = max(sums.values(), key=lambda each: each.ours / min(each.turns_of_ten, each.anew))
    rival = min(worst.turns_of_ten, worst.anew)
    every = ", ".join(
        f"{each.ours / each.turns_of_ten:.3f} and {each.ours / each.anew:.3f}" for each in sums.values()
    )
    return [
        Figure(f"pickup time, a tick / in turn among the {NEAREST} nearest, 2 drivers per ride",
               two.ours / two.turns_of_ten, 0.75, "lower",
               f"{two.ours:.0f} s / {two.turns_of_ten:.0f} s per ride, unserved = {UNSERVED_M / 1000:g} km; "
               f"the optimum of the same ten alone {two.best_of_ten / two.turns_of_ten:.3f}; "
               f"to turns among all drivers {two.ours / two.anew:.3f}"),
        Figure("pickup time, a tick / the better way to take turns, worst supply", worst.ours / rival, 1.0, "lower",
               f"{worst.ours:.0f} s / {rival:.0f} s per ride; to both ways, at "
               f"{', '.join(f'{per_ride:g}' for per_ride in sums)} drivers per ride: {every}"),
    ]  # fmt: skip


def _sums(per_ride: float) -> PickupTimes:
    """Return the mean pickup times in ``TOWNS`` towns with ``per_ride`` drivers per ride."""
    ways = (_best_of_ten, _turns_of_ten, _ours, _in_turn_anew)
    means = []
    for seed in range(TOWNS):
        town = Town(SIDE_M, seed)
        pickups, drivers = town.pickups(RIDES), town.destinations(round(per_ride * RIDES))
        means.append([_pickup_times(pickups, drivers, way(pickups, drivers)).mean() for way in ways])
        print(".", end="", file=sys.stderr, flush=True)
    return PickupTimes(*np.mean(means, axis=0).tolist())


def _decide(searches: Sequence[OpenSearch], supply: Supply) -> Matching:
    return _match(candidates_by_supply(searches, {PRODUCT: supply}), Policy.OPTIMAL)


def _match(candidates: Candidates, policy: Policy) -> Matching:
    idle_since = dict.fromkeys(candidates.driver_ids, NOW)
    return match(candidates, idle_since, ETA, MatchingRules(policy=policy), NOW)


def _best_of_ten(pickups: Places, drivers: Places) -> Indices:
    return _among_ten(pickups, drivers, Policy.OPTIMAL)


def _turns_of_ten(pickups: Places, drivers: Places) -> Indices:
    return _among_ten(pickups, drivers, Policy.GREEDY)


def _among_ten(pickups: Places, drivers: Places, policy: Policy) -> Indices:
    """Return the driver of each ride, or a negative number, among the ten nearest of each."""
    tree = cKDTree(project(drivers, CITY.centre))
    ranks = np.arange(1, NEAREST + 1)
    metres, numbers = tree.query(project(pickups, CITY.centre), k=ranks, distance_upper_bound=MAX_PICKUP_M)
    supply = supply_at(drivers)
    nearest = [
        [
            (supply.ids[driver], distance)
            for driver, distance in zip(found, away, strict=True)
            if np.isfinite(distance)
        ]
        for found, away in zip(np.asarray(numbers).tolist(), np.asarray(metres).tolist(), strict=True)
    ]
    searches = [search_at(pickup) for pickup in pickups]
    candidates = candidates_by_nearest(searches, nearest, dict(zip(supply.ids, drivers, strict=True)))
    return _chosen(searches, supply, _match(candidates, policy))


def _ours(pickups: Places, drivers: Places) -> Indices:
    """Return the driver of each ride, or a negative number, as a tick chooses."""
    searches, supply = [search_at(pickup) for pickup in pickups], supply_at(drivers)
    return _chosen(searches, supply, _decide(searches, supply))


def _chosen(searches: Sequence[OpenSearch], supply: Supply, matching: Matching) -> Indices:
    rides = {search.ride_id: ride for ride, search in enumerate(searches)}
    numbers = {driver_id: number for number, driver_id in enumerate(supply.ids)}
    chosen = np.full(len(searches), NOBODY)
    for offer in matching.offers:
        chosen[rides[offer.ride_id]] = numbers[offer.driver_id]
    return chosen


def _in_turn_anew(pickups: Places, drivers: Places) -> Indices:
    """Let each ride take the nearest of all that are left."""
    spots = project(drivers, CITY.centre)
    chosen = np.full(len(pickups), NOBODY)
    for ride, stop in enumerate(project(pickups, CITY.centre)):
        distances = np.hypot(*(spots - stop).T)
        nearest = int(distances.argmin())
        if distances[nearest] <= MAX_PICKUP_M:
            chosen[ride] = nearest
            spots[nearest] = np.inf
    return chosen


def _pickup_times(pickups: Places, drivers: Places, chosen: Indices) -> Floats:
    """Return the seconds that each ride waits for its driver."""
    unserved_s = UNSERVED_M * CITY.detour / CITY.speed_m_per_s(NOW) + START_AND_STOP_S
    return np.where(chosen == NOBODY, unserved_s, ETA.pairs(drivers.take(chosen), pickups).seconds)


if __name__ == "__main__":
    print(as_table(measure()))
