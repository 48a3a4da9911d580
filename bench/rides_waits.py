"""How long passengers wait when ticks follow each other: the optimum against taking turns, on the same candidates."""

from __future__ import annotations

import heapq
import sys
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

import numpy as np

from bench.figures import Figure, percentile
from bench.rides_town import ETA, NOW, PRODUCT, Town, search_at
from domain.rides.candidates import candidates_by_supply
from domain.rides.geo import Places
from domain.rides.matching import MatchingRules, Policy, match
from domain.rides.model import NewOffer, OpenSearch, Place
from domain.rides.ports import Supply

SIDE_M = 13_500
RIDES_PER_TICK = 2
TICK_S = 2
TICKS = 1800
# Until then the fleet, which starts idle, is not yet as busy as it will be.
WARM_UP_S = 1200
PATIENCE_S = 300
# Enough for all, just about, and too few.
FLEETS = (1800, 1400, 1200)
SEEDS = (1, 2)


@dataclass(slots=True)
class Waits:
    """What passengers saw: from the call to the car, of those who got one, and how many gave up before an offer."""

    seconds: list[float] = field(default_factory=list)
    given_up: int = 0


def wait_figures() -> list[Figure]:
    """Compare the waits, one figure for each size of the fleet."""
    return [_wait_figure(drivers) for drivers in FLEETS]


def _wait_figure(drivers: int) -> Figure:
    ours, turns = (_waits(drivers, policy) for policy in (Policy.OPTIMAL, Policy.GREEDY))
    p99, turns_p99 = percentile(ours.seconds, 99), percentile(turns.seconds, 99)
    mean, turns_mean = np.mean(ours.seconds), np.mean(turns.seconds)
    return Figure(f"wait for the car, p99, optimal / in turn, {drivers} drivers", p99 / turns_p99, 1.1, "lower",
                  f"{p99:.0f} s / {turns_p99:.0f} s; mean {mean:.0f} s / {turns_mean:.0f} s; "
                  f"served {len(ours.seconds)} / {len(turns.seconds)}, "
                  f"gave up {ours.given_up} / {turns.given_up}")  # fmt: skip


def _waits(drivers: int, policy: Policy) -> Waits:
    waits = Waits()
    for seed in SEEDS:
        _Fleet(drivers, policy, seed).drive(waits)
        print(".", end="", file=sys.stderr, flush=True)
    return waits


class _Fleet:
    """Drivers who take what they are offered, and wait where a ride ended for the next one."""

    def __init__(self, drivers: int, policy: Policy, seed: int) -> None:
        town = Town(SIDE_M, seed)
        self._rules = MatchingRules(policy=policy)
        self._pickups = town.pickups(RIDES_PER_TICK * TICKS)
        self._destinations = town.destinations(RIDES_PER_TICK * TICKS)
        # Of each idle driver where and since when, of each busy one until when and where then.
        self._idle = {f"driver-{number}": (place, 0.0) for number, place in enumerate(town.destinations(drivers))}
        self._busy: list[tuple[float, str, Place]] = []
        self._waiting: dict[UUID, tuple[OpenSearch, int]] = {}

    def drive(self, waits: Waits) -> None:
        """Let every tick happen, and note what the passengers see."""
        for tick in range(TICKS):
            now_s = float(tick * TICK_S)
            while self._busy and self._busy[0][0] <= now_s:
                free_s, driver_id, place = heapq.heappop(self._busy)
                self._idle[driver_id] = (place, free_s)
            for ride in range(tick * RIDES_PER_TICK, (tick + 1) * RIDES_PER_TICK):
                search = search_at(self._pickups[ride], NOW + timedelta(seconds=now_s))
                self._waiting[search.ride_id] = (search, ride)
            for offer in self._offers(now_s):
                self._take(offer, now_s, waits)
            self._give_up(now_s, waits)

    def _offers(self, now_s: float) -> list[NewOffer]:
        supply_places = Places.of([place for place, _ in self._idle.values()])
        supply = Supply(list(self._idle), supply_places.latitudes, supply_places.longitudes)
        searches = [search for search, _ in self._waiting.values()]
        idle_since = {driver_id: NOW + timedelta(seconds=since) for driver_id, (_, since) in self._idle.items()}
        candidates = candidates_by_supply(searches, {PRODUCT: supply})
        return match(candidates, idle_since, ETA, self._rules, NOW + timedelta(seconds=now_s)).offers

    def _take(self, offer: NewOffer, now_s: float, waits: Waits) -> None:
        _, ride = self._waiting.pop(offer.ride_id)
        del self._idle[offer.driver_id]
        pickup, destination = self._pickups[ride], self._destinations[ride]
        trip_s = float(ETA.pairs([pickup], [destination]).seconds[0])
        heapq.heappush(self._busy, (now_s + offer.pickup_eta_s + trip_s, offer.driver_id, destination))
        called_s = ride // RIDES_PER_TICK * TICK_S
        if called_s >= WARM_UP_S:
            waits.seconds.append(now_s - called_s + offer.pickup_eta_s)

    def _give_up(self, now_s: float, waits: Waits) -> None:
        for ride_id, (_, ride) in list(self._waiting.items()):
            called_s = ride // RIDES_PER_TICK * TICK_S
            if now_s - called_s >= PATIENCE_S:
                del self._waiting[ride_id]
                waits.given_up += called_s >= WARM_UP_S
