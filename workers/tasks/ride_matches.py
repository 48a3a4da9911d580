"""Ride matches: a tick takes all open searches of a city together and offers each ride to the driver who suits best.

Theory of operation
-------------------
A tick is a job, and a city has one at a time: ``store.rides.ticks`` chains them, two seconds apart, for as long as
searches are open. It holds the city's lease and goes through four steps: time out what is overdue, read the open
searches, match, and write the offers. Only the last is decided by the database, which drops every offer that no
longer fits; so what the driver index said may be old, and the matching may take its time.

Candidates come from the driver index: from about a thousand searches on by one snapshot of all drivers, below that by
asking for the nearest of each, unless somebody goes without for it. While the index is away nothing is matched, and
the tick says so: searches stay open.

The index is a hint that may be lost at any time. ``heal``, every minute and at a worker's start, makes it again from
the database, and starts the tick of a city that has searches and none: its job had failed for good, or was lost with
a lease that was over. Drivers who say that they are available but have been silent for a day are set unavailable, and
rides that nobody searches for are cancelled after a day, so that they block nobody. It also asks whether what must
hold of rides does, for the log and a metric.

Left out on purpose: nothing here waits for drivers. Their answers come over HTTP, and the next tick sees them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence, Set
from contextlib import ExitStack, suppress
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from domain.rides.candidates import SCARCE, Candidates, candidates_by_nearest, candidates_by_supply
from domain.rides.cities import City
from domain.rides.matching import Matching, MatchingRules, Statistics, match
from domain.rides.model import NewOffer, Offer, OpenSearch
from domain.rides.ports import FORGET_S, DriverIndex, DriverIndexError, EtaProvider, NearestQuery
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError
from store.rides import drivers, healing, ticks
from store.rides.invariants import violations_now
from store.rides.transactions import RideTransactions

SNAPSHOT_FROM = 1000
LEASE_S = 15.0
MAX_LOGGED = 20
"""How many broken rules, drivers or rides one log is told of."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CityTools:
    """What a city is matched with."""

    city: City
    eta: EtaProvider


@dataclass(frozen=True, slots=True)
class RideMatcher:
    """The handler of ``ride_matches`` jobs: ``{"do": "tick", "city": name}`` and ``{"do": "heal"}``.

    ``snapshot_from`` open searches make one snapshot of all drivers cheaper than a question for each.
    """

    transactions: RideTransactions
    index: DriverIndex
    cities: Mapping[str, CityTools]
    rules: MatchingRules = field(default_factory=MatchingRules)
    snapshot_from: int = SNAPSHOT_FROM

    def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
        """Do one tick of a city, or heal.

        Raises:
            JobFailedError: the payload asks for neither.
        """
        if payload.get("do") == "heal":
            return self.heal()
        city = payload.get("city")
        if payload.get("do") != "tick" or not isinstance(city, str):
            raise JobFailedError(f"there is no such work: {payload}")
        return self.tick(city)

    def heal(self) -> Outcome:
        """Make the index again from the database, and see to it that no open search is without a tick.

        Rides that are forgotten are cancelled, and drivers who are silent set unavailable. What breaks the rules
        about rides is counted, and told to the log.

        Raises:
            TransientJobError: the index is away; the ticks have been seen to, and what is wrong is in the log.
        """
        stuck = self.transactions.run(_restart_ticks)
        if stuck:
            log.warning("searches were open without a tick", extra={"cities": stuck})
        forgotten = self._cancel_forgotten()
        violations = self._look_for_violations()
        try:
            silent = sum(map(self._retire_silent, self.cities))
            available = sum(map(self._rebuild, self.cities))
            findable = {city: self.index.findable(city) for city in self.cities}
        except DriverIndexError as error:
            raise TransientJobError(f"the driver index is away: {error}") from error
        result = {"available_drivers": available, "findable_drivers": findable, "restarted": stuck}
        return Outcome({**result, "violations": violations, "forgotten_rides": forgotten, "silent_drivers": silent})

    def _cancel_forgotten(self) -> int:
        ride_ids = self.transactions.run(healing.cancel_forgotten)
        if ride_ids:
            shown = [str(ride_id) for ride_id in ride_ids[:MAX_LOGGED]]
            log.info("%d rides were forgotten and are cancelled", len(ride_ids), extra={"rides": shown})
        return len(ride_ids)

    def _retire_silent(self, city: str) -> int:
        day_ago = datetime.now(UTC) - timedelta(seconds=FORGET_S)
        # An index that was emptied since then does not know who has been silent.
        if self.index.knows_since(city) > day_ago:
            return 0
        quiet = self.transactions.run(partial(healing.quiet_drivers, city=city))
        positions = self.index.last_positions(city, quiet)
        heard = {driver_id for driver_id, fix in positions.items() if fix.at > day_ago}
        silent = [driver_id for driver_id in quiet if driver_id not in heard]
        retired = [each for each in silent if self.transactions.run(partial(healing.retire, driver_id=each))]
        if retired:
            extra = {"city": city, "drivers": retired[:MAX_LOGGED]}
            log.info("%d drivers were silent for a day and are unavailable now", len(retired), extra=extra)
        return len(retired)

    def _look_for_violations(self) -> int:
        found = self.transactions.run(violations_now)
        for sentence in found[:MAX_LOGGED]:
            log.error("a rule about rides is broken: %s", sentence)
        return len(found)

    def _rebuild(self, city: str) -> int:
        # Whoever comes or goes after this moment is right, whatever the database said before.
        mark = self.index.mark(city)
        free = self.transactions.run(partial(drivers.available_drivers, city=city))
        self.index.rebuild(city, free, mark)
        return len(free)

    def tick(self, city: str) -> Outcome:
        """Match the open searches of a city; the next tick is an effect of this one's end.

        In a city that is not served (any more) nobody is found, and searches are given up when their time is over.
        """
        lease_id = self.transactions.run(lambda session: ticks.take_lease(session, city, LEASE_S))
        if lease_id is None:
            result: dict[str, object] = {"skipped": "another tick of the city is at work"}
        else:
            result = self._work(city, lease_id)
        return Outcome(result, effects=(lambda session: _finish(session, city, lease_id),))

    def _work(self, city: str, lease_id: UUID) -> dict[str, object]:
        with ExitStack() as on_failure:
            # Another attempt must not wait for the end of this one's lease.
            on_failure.callback(self._release, city, lease_id)
            result = self._sweep(city, lease_id)
            searches = self.transactions.run(lambda session: ticks.open_searches(session, city))
            if searches and city not in self.cities:
                log.error("searches are open in a city that is not served", extra={"city": city})
            elif searches:
                result |= self._match(self.cities[city], lease_id, searches)
                log.info("ticked", extra={"city": city, **result})
            on_failure.pop_all()
            return result

    def _release(self, city: str, lease_id: UUID) -> None:
        # Where that fails, too, the lease runs out.
        with suppress(DBAPIError):
            self.transactions.run(lambda session: ticks.release_lease(session, city, lease_id))

    def _sweep(self, city: str, lease_id: UUID) -> dict[str, object]:
        expired = given_up = 0
        is_more = True
        while is_more:
            swept = self.transactions.run(lambda session: ticks.sweep(session, city, lease_id))
            expired, given_up, is_more = expired + swept.expired, given_up + swept.given_up, swept.is_more
        return {"expired": expired, "given_up": given_up}

    def _match(self, tools: CityTools, lease_id: UUID, searches: Sequence[OpenSearch]) -> dict[str, object]:
        try:
            matching = self._decide(tools, searches)
        except DriverIndexError as error:
            log.warning("no driver can be found: %s", error, extra={"city": tools.city.name})
            return {"searches": len(searches), "offers": 0, "index": "away"}
        written = self._write(tools.city.name, lease_id, matching.offers)
        return {"searches": len(searches), "offers": len(written), **_facts(matching.statistics)}

    def _decide(self, tools: CityTools, searches: Sequence[OpenSearch]) -> Matching:
        city = tools.city.name
        # Whoever is being asked already stays in the index, and would fill the place of somebody who is free.
        busy = self.transactions.run(lambda session: drivers.busy_drivers(session, city))
        if len(searches) < self.snapshot_from:
            candidates, told_all = self._nearest(city, searches, busy)
            matching = self._choose(tools, candidates)
            served = {offer.ride_id for offer in matching.offers}
            if all(search.ride_id in served or search.ride_id in told_all for search in searches):
                return matching
            # In a crowd the nearest of one are the nearest of all, and who goes without was not shown the next ones.
        return self._choose(tools, self._snapshot(city, searches, busy))

    def _choose(self, tools: CityTools, candidates: Candidates) -> Matching:
        ids = candidates.driver_ids
        idle_since = self.transactions.run(lambda session: drivers.free_since(session, ids))
        return match(candidates, idle_since, tools.eta, self.rules, datetime.now(UTC))

    def _snapshot(self, city: str, searches: Sequence[OpenSearch], busy: Set[str]) -> Candidates:
        products = {search.product for search in searches}
        supplies = {product: self.index.supply(city, product).without(busy) for product in products}
        return candidates_by_supply(searches, supplies)

    def _nearest(self, city: str, searches: Sequence[OpenSearch], busy: Set[str]) -> tuple[Candidates, set[UUID]]:
        """Return the nearest free drivers of each ride, and the rides that have seen all who are within reach."""
        wanted = [SCARCE + len(search.excluded_drivers) for search in searches]
        counts, told_all = list(wanted), set()
        found: list[list[tuple[str, float]]] = [[] for _ in searches]
        rows = list(range(len(searches)))
        while rows:
            queries = [NearestQuery(searches[row].product, searches[row].pickup, counts[row]) for row in rows]
            again = []
            for row, nearest in zip(rows, self.index.nearest(city, queries), strict=True):
                found[row] = [pair for pair in nearest if pair[0] not in busy]
                if len(nearest) < counts[row]:
                    told_all.add(searches[row].ride_id)
                elif len(found[row]) < wanted[row]:
                    counts[row] *= 2
                    again.append(row)
            rows = again
        ids = list({driver_id for nearest in found for driver_id, _ in nearest})
        positions = self.index.last_positions(city, ids)
        places = {driver_id: position.place for driver_id, position in positions.items()}
        return candidates_by_nearest(searches, found, places), told_all

    def _write(self, city: str, lease_id: UUID, offers: Sequence[NewOffer]) -> list[Offer]:
        written: list[Offer] = []
        # In the order of the rides' ids, so that a chunk locks what lies together.
        ordered = sorted(offers, key=lambda offer: offer.ride_id)
        for start in range(0, len(ordered), ticks.CHUNK):
            chunk = ordered[start : start + ticks.CHUNK]
            write = partial(ticks.write_offers, city=city, lease_id=lease_id, offers=chunk)
            written += self.transactions.run(write)
        return written


def _finish(session: Session, city: str, lease_id: UUID | None) -> None:
    ticks.finish_tick(session, city, lease_id)


def _restart_ticks(session: Session) -> list[str]:
    stuck = ticks.cities_without_tick(session)
    for city in stuck:
        ticks.ensure_tick(session, city)
    return stuck


def _facts(statistics: Statistics) -> dict[str, object]:
    facts = asdict(statistics)
    return facts | {"solver_s": round(statistics.solver_s, 4)}
