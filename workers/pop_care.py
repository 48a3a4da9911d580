"""POPs are looked after by the clock: asked for their counters, given what they missed, and asked what they hold."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy.orm import Session

from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError, PopStats
from domain.cache_refreshes.model import Mode, NewRefresh, Scope
from domain.cache_refreshes.pops import Pop, PopHealth
from domain.cache_refreshes.refresh import look
from jobs import cache_refreshes as refreshing
from jobs.model import JobContext, Outcome, TransientJobError
from store import cache_refreshes, edge_objects, placements, playbacks, pops
from store.cache_refreshes import SYSTEM
from store.pops import PopTraffic
from store.videos import popularity
from workers.edge_tools import EdgeTools

CHUNK = 500
ASKERS = 16

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PopCare:
    """What is done with POPs although nobody asked for it."""

    tools: EdgeTools

    def reconcile(self) -> Outcome:
        """Ask every POP for its counters; give those that answer what was deferred; end what nobody works on."""
        with self.tools.sessions.begin() as session:
            asked, healths, traffic = pops.enabled_pops(session), pops.health(session), pops.traffic(session)
        with ThreadPoolExecutor(ASKERS) as pool:
            answers = list(pool.map(self._ask, asked))
        away, restarted = [], 0
        for pop, answer in zip(asked, answers, strict=True):
            if isinstance(answer, PopStats):
                restarted += self._greet(pop, answer, healths.get(pop.name), traffic.get(pop.name))
            else:
                away.append(pop.name)
                self._note_error(pop, answer)
        with self.tools.sessions.begin() as session:
            failed = cache_refreshes.fail_orphans(session)
            cache_refreshes.prune(session)
            pops.prune_stats(session)
            placements.prune(session)
            playbacks.prune(session)
            popularity.prune(session)
        if failed:
            log.warning("refreshes were left without a job and are failed", extra={"pops": failed})
        return Outcome({"pops": len(asked), "away": away, "restarted": restarted, "failed": len(failed)})

    def verify_all(self) -> Outcome:
        """Begin a verification of each POP."""
        with self.tools.sessions.begin() as session:
            names = [pop.name for pop in pops.enabled_pops(session)]

        def begin(session: Session) -> None:
            for name in names:
                refreshing.request_verification(session, name)

        return Outcome({"pops": len(names)}, effects=(begin,))

    def verify(self, name: str, context: JobContext) -> Outcome:
        """Ask a POP for all that it has held; have it filled again with what is gone, or is something else now.

        Any number of verifications may go on at one time: they find the same, and only one fill waits at a time.
        """
        stopped = threading.Event()
        context.on_stop(stopped.set)
        with self.tools.sessions.begin() as session:
            pop = pops.find_pop(session, name)
        if pop is None or not pop.is_enabled:
            return Outcome({"skipped": "there is no such POP, or it is switched off"})
        try:
            looked = self._look(pop, stopped)
        except (EdgeError, EdgeRefusedError) as error:
            # Whoever is away is verified when it is back.
            self._note_error(pop, error)
            return Outcome({"away": str(error)})
        if stopped.is_set():
            raise TransientJobError("interrupted")
        with self.tools.sessions.begin() as session:
            lost = edge_objects.count_lost(session, pop.name)
        result: dict[str, object] = {"looked_at": looked, "lost": lost}
        return Outcome(result, effects=(lambda session: _refill(session, pop.name, lost),) if lost else ())

    def _look(self, pop: Pop, stopped: threading.Event) -> int:
        driver, after, looked = self.tools.drive(pop), "", 0
        while not stopped.is_set():
            with self.tools.sessions.begin() as session:
                wanted = edge_objects.held_after(session, pop.name, after, CHUNK)
            if not wanted:
                break
            results = look(driver, wanted, lambda: not stopped.is_set())
            with self.tools.sessions.begin() as session:
                edge_objects.note_results(session, pop.name, results, is_look=True)
            after, looked = wanted[-1].path, looked + len(results)
        return looked

    def _ask(self, pop: Pop) -> PopStats | EdgeError | EdgeRefusedError:
        try:
            return self.tools.drive(pop).stats()
        except (EdgeError, EdgeRefusedError) as error:
            return error

    def _greet(self, pop: Pop, stats: PopStats, health: PopHealth | None, traffic: PopTraffic | None) -> int:
        """Note that a POP answered, and give it what it missed; return how many targets that is."""
        before = traffic.stats if traffic else None
        was_away = health is not None and health.last_error is not None
        with self.tools.sessions.begin() as session:
            pops.note_seen(session, pop.name)
            pops.add_stats(session, pop.name, stats)
            if was_away or (before is not None and _has_begun_again(before, stats)):
                # It may have come back empty.
                refreshing.request_verification(session, pop.name)
            return refreshing.restart_deferred(session, pop.name)

    def _note_error(self, pop: Pop, error: Exception) -> None:
        with self.tools.sessions.begin() as session:
            pops.note_error(session, pop.name, str(error))


def _has_begun_again(before: PopStats, now: PopStats) -> bool:
    # What counts may live longer than what holds; a POP that has lost half of what it held is worth a look, too.
    return now.hits < before.hits or now.misses < before.misses or now.objects < before.objects / 2


def _refill(session: Session, pop: str, lost: int) -> None:
    scope = Scope(lacking="lost")
    new = NewRefresh(SYSTEM, f"verification found {lost} objects gone or changed", Mode.FILL, scope, is_now=True)
    refreshing.begin_unless_waiting(session, new, [pop])
