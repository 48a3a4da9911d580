"""Decide which driver is offered which ride, for all open searches of a city together.

Theory of operation. A tick reads the open searches and where the free drivers are (``candidates``: the nearest few of
each ride, by straight line). What an offer costs is the time until the pickup, as an ``EtaProvider`` sees it, less a
small credit for drivers who have been idle for long. The solver (``assignment``) then finds the offers whose sum is
the least, and never offers one driver twice.

A ride may be left for the next tick. That has a price, too: above that of any drive of an hour, so nobody is left
while a driver could come, and rising with the time waited, faster than the clock. A ride at the edge of the city is
dearer than its neighbours' gain sooner or later, so none starves.

Left out on purpose: nothing is decided here for good. PostgreSQL decides, when the offers are written, whether ride
and driver are still free; drivers who are about to finish a ride are not counted on; and no ride is held back because
a nearer driver might turn up.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import numpy as np

from domain.rides.assignment import Edges, assign
from domain.rides.candidates import Candidates
from domain.rides.geo import Floats, Places
from domain.rides.model import NewOffer
from domain.rides.ports import EtaProvider, Etas


class Policy(StrEnum):
    """How drivers are given out."""

    OPTIMAL = "optimal"
    GREEDY = "greedy"
    """First come, first served, with whoever is nearest of those left."""


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """What an operator may turn.

    ``unserved_s`` is the pickup time that would be as bad as no offer in this tick, and ``ageing`` by how many
    seconds it grows with each second waited. A driver's idle time makes up for ``idle_credit`` times as long a drive,
    for ``max_idle_credit_s`` at most. ``solver_budget_s`` is the time after which the rest is given out greedily.
    """

    policy: Policy = Policy.OPTIMAL
    unserved_s: float = 3600
    ageing: float = 4
    idle_credit: float = 0.05
    max_idle_credit_s: float = 60
    solver_budget_s: float = 1.0


@dataclass(frozen=True, slots=True)
class Statistics:
    """What a tick's matching was like; ``greedy_rides`` were given out greedily, by policy or for want of time."""

    searches: int
    drivers: int
    edges: int
    unserved: int
    greedy_rides: int
    solver_s: float


@dataclass(frozen=True, slots=True)
class Matching:
    """The offers to write, in no order, and how they came about."""

    offers: list[NewOffer]
    statistics: Statistics


def match(
    candidates: Candidates,
    idle_since: Mapping[str, datetime],
    eta: EtaProvider,
    rules: MatchingRules,
    now: datetime,
) -> Matching:
    """Return at most one offer for each search and each driver.

    ``idle_since`` says when each driver became free. Whoever is missing there is not free, whatever the index said.
    """
    edges, etas = _price(candidates, _idle_s(candidates.driver_ids, idle_since, now), eta, rules)
    waited_s = [max((now - search.searching_since).total_seconds(), 0) for search in candidates.searches]
    unserved = rules.unserved_s + rules.ageing * np.array(waited_s)
    began = time.perf_counter()
    assignment = assign(edges, unserved, rules.solver_budget_s if rules.policy is Policy.OPTIMAL else 0)
    solver_s = time.perf_counter() - began
    chosen = np.flatnonzero(assignment.drivers[edges.rides] == edges.drivers)
    offers = _offers(candidates, edges.take(chosen), Etas(etas.seconds[chosen], etas.source))
    statistics = Statistics(
        searches=len(unserved),
        drivers=len(candidates.driver_ids),
        edges=len(edges.rides),
        unserved=len(unserved) - len(offers),
        greedy_rides=assignment.greedy_rides,
        solver_s=solver_s,
    )
    return Matching(offers, statistics)


def _idle_s(driver_ids: Sequence[str], idle_since: Mapping[str, datetime], now: datetime) -> Floats:
    """Return how long each driver has been idle; not a number where one is not free."""
    since = map(idle_since.get, driver_ids)
    return np.array([(now - at).total_seconds() if at else np.nan for at in since])


def _price(candidates: Candidates, idle_s: Floats, eta: EtaProvider, rules: MatchingRules) -> tuple[Edges, Etas]:
    """Return the edges of free drivers who can get there, with their costs, and the times to the pickups."""
    free = np.flatnonzero(~np.isnan(idle_s)[candidates.drivers])
    rides, drivers = candidates.rides[free], candidates.drivers[free]
    pickups = Places.of([search.pickup for search in candidates.searches])
    etas = eta.pairs(candidates.places.take(drivers), pickups.take(rides))
    credit = np.clip(idle_s * rules.idle_credit, 0, rules.max_idle_credit_s)
    edges = Edges(rides, drivers, np.maximum(etas.seconds - credit[drivers], 1))
    reachable = np.flatnonzero(np.isfinite(etas.seconds))
    return edges.take(reachable), Etas(etas.seconds[reachable], etas.source)


def _offers(candidates: Candidates, chosen: Edges, etas: Etas) -> list[NewOffer]:
    rows = zip(chosen.rides.tolist(), chosen.drivers.tolist(), etas.seconds.tolist(), strict=True)
    return [
        NewOffer(
            ride_id=candidates.searches[ride].ride_id,
            search_id=candidates.searches[ride].search_id,
            driver_id=candidates.driver_ids[driver],
            pickup_eta_s=round(pickup_s),
            eta_source=etas.source,
        )
        for ride, driver, pickup_s in rows
    ]
