"""Cache refreshes: what POPs hold is made stale, dropped, fetched and proven.

Theory of operation
-------------------
A refresh has a target for each POP, and a target one job at a time, whose id it names. The job purges, fetches what
the POP should hold afterwards, and asks for it. All three can be done again, so a job that is run again after its
worker was lost begins anew; only a purge that is known to have been done is left out, because it would make stale
what was fetched since. The target's end is written in the transaction that ends the job.

A POP that does not answer is tried again by the job's own attempts, and then the target is *deferred*: every minute
``workers.pop_care`` asks all POPs for their counters, and gives those that answer new jobs for what was deferred. A
POP that refuses its key fails its target at once, because asking again changes nothing; only what is to be dropped is
deferred there, too, because it must not be seen whenever the key is put right.

A fill may be large. A job works on it for some seconds, within the POP's rate and window, and hands the rest on to a
job that is due when there is room again. What is held already is only asked for, so nothing is fetched twice.

Left out on purpose: nothing here decides what POPs should hold. ``edge_objects`` says it, written by whoever knows:
of videos that is ``workers.populator``.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError, PopDriver, Selection
from domain.cache_refreshes.model import SETS, Mode, NewRefresh, Scope, TargetState
from domain.cache_refreshes.pops import Pop
from domain.cache_refreshes.refresh import Filling, Result, Wanted, fill, find_left
from domain.cache_refreshes.refresh import Outcome as ObjectOutcome
from jobs import cache_refreshes as refreshing
from jobs.kinds import KINDS
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError
from store import cache_refreshes, edge_objects, pops
from store.cache_refreshes import SYSTEM, Counted, Refresh, Target
from store.edge_objects import EdgeObject
from workers.edge_tools import EdgeTools, SetAwayError
from workers.metadata_cache import MetadataRefresher
from workers.pop_care import PopCare
from workers.pop_pace import FillPace
from workers.populator import Populator

CHUNK = 500
MAX_SHOWN = 3
DROPS = 3
"""How often a POP is told to drop what a fill may just have fetched again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Work:
    """One job's work on one target."""

    refresh: Refresh
    target: Target
    pop: Pop
    is_last_attempt: bool
    stopped: threading.Event

    @property
    def has_window(self) -> bool:
        """Tell whether the work has to wait for the POP's window."""
        return self.refresh.mode is Mode.FILL and not self.refresh.is_now


@dataclass(frozen=True, slots=True)
class _End:
    """How a job's work ended: the target's ``state``, or (``None``) the rest is handed on, to be done ``at``."""

    state: TargetState | None
    error: str | None = None
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CacheRefresher:
    """The handler of ``cache_refreshes`` jobs.

    ``{"do": "refresh", "refresh": id, "pop": name}`` works on a target, ``{"do": "set", "set": name}`` begins the
    refresh of a set on all POPs. ``{"do": "verify"}`` and ``{"do": "reconcile"}`` look after POPs, ``{"do":
    "populate"}`` decides what they are to hold of the videos. ``{"do": "metadata"}`` refreshes what is cached of
    users, where ``metadata`` was given.
    """

    tools: EdgeTools
    metadata: MetadataRefresher | None = None

    def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
        """Do what the payload says.

        Raises:
            TransientJobError: a POP is away, and attempts are left.
            JobFailedError: the payload makes no sense.
        """
        match payload:
            case {"do": "refresh", "refresh": str(refresh_id), "pop": str(pop)}:
                return self._refresh(UUID(refresh_id), pop, context)
            case {"do": "set", "set": str(name)} if name in SETS:
                return self._begin_set(name, payload)
            case {"do": "metadata"} if self.metadata is not None:
                return self.metadata.refresh(context)
            case {"do": "populate"}:
                return Populator(self.tools).populate(payload, context)
        return self._care(payload, context)

    def _care(self, payload: dict[str, object], context: JobContext) -> Outcome:
        care = PopCare(self.tools)
        match payload:
            case {"do": "verify", "pop": str(pop)}:
                return care.verify(pop, context)
            case {"do": "verify"}:
                return care.verify_all()
            case {"do": "reconcile"}:
                return care.reconcile()
        raise JobFailedError(f"there is no such work: {payload}")

    def _begin_set(self, name: str, payload: dict[str, object]) -> Outcome:
        by, revision = payload.get("by"), payload.get("revision")
        # To publish the same again is how servers and POPs that were not told are told.
        reason = f"the {name} are published as {str(revision)[:12]}" if revision else f"the {name}, by the clock"
        new = NewRefresh(str(by or SYSTEM), reason, Mode.SOFT, Scope(set=name))
        with self.tools.sessions.begin() as session:
            names = [pop.name for pop in pops.enabled_pops(session)]

        def begin(session: Session) -> None:
            refreshing.begin_unless_waiting(session, new, names)

        return Outcome({"set": name, "pops": len(names)}, effects=(begin,))

    def _refresh(self, refresh_id: UUID, pop_name: str, context: JobContext) -> Outcome:
        with self.tools.sessions.begin() as session:
            refresh = cache_refreshes.find(session, refresh_id)
            targets = cache_refreshes.targets_of(session, [refresh_id])[refresh_id]
            pop = pops.find_pop(session, pop_name)
        target = next((target for target in targets if target.pop == pop_name), None)
        if refresh is None or target is None or target.job_id != context.job_id or target.state is TargetState.DONE:
            return Outcome({"skipped": "it is done, or another job's to do"})
        stopped = threading.Event()
        context.on_stop(stopped.set)
        is_last = context.attempt >= KINDS[refreshing.KIND].max_attempts
        if pop is not None:
            work = _Work(refresh, target, pop, is_last, stopped)
            if closed := self._wait_for_window(work):
                return _outcome(work.refresh, target, closed)
        with self.tools.sessions.begin() as session:
            target = cache_refreshes.begin(session, refresh_id, pop_name, context.job_id)
        if target is None:
            return Outcome({"skipped": "it is another job's to do"})
        if pop is None:
            return _outcome(refresh, target, _End(TargetState.FAILED, "the POP was removed"))
        work = _Work(refresh, target, pop, is_last, stopped)
        end = self._guarded(work)
        if stopped.is_set():
            raise TransientJobError("interrupted")
        if refresh.mode is Mode.HARD and end.state is TargetState.FAILED:
            # Nothing happens by itself any more, and somebody may have to answer for it.
            log.error("%s may still show what was to be dropped (%s): %s", pop_name, refresh.reason, end.error)
        return _outcome(refresh, target, end)

    def _wait_for_window(self, work: _Work) -> _End | None:
        now = datetime.now(UTC)
        window = work.pop.fill_window
        if not work.has_window or window is None or window.is_open(now):
            return None
        return _End(None, at=window.opens_at(now))

    def _guarded(self, work: _Work) -> _End:
        """Work on a target, and say what follows from what went wrong.

        Raises:
            TransientJobError: it may go better, and attempts are left.
        """
        if not work.pop.is_enabled:
            return _End(TargetState.DEFERRED, "the POP is switched off")
        try:
            end = self._work(work)
        except EdgeRefusedError as error:
            self._note_pop(work.pop, str(error))
            # What must not be seen any more is not forgotten because of a wrong key.
            is_waited_for = work.refresh.mode is Mode.HARD and self._is_shut_out(work.pop)
            return _End(TargetState.DEFERRED if is_waited_for else TargetState.FAILED, str(error))
        except EdgeError as error:
            self._note_pop(work.pop, str(error))
            return self._later(work, TargetState.DEFERRED, str(error))
        except SetAwayError as error:
            return self._later(work, TargetState.DEFERRED, str(error))
        self._note_pop(work.pop, None)
        if end.state is TargetState.FAILED:
            return self._later(work, TargetState.FAILED, str(end.error))
        return end

    def _is_shut_out(self, pop: Pop) -> bool:
        """Tell whether a POP refuses us whatever we ask, which is noticed when it does so no longer."""
        try:
            self.tools.drive(pop).stats()
        except (EdgeError, EdgeRefusedError):
            return True
        return False

    def _later(self, work: _Work, state: TargetState, error: str) -> _End:
        if work.is_last_attempt:
            return _End(state, error)
        with self.tools.sessions.begin() as session:
            cache_refreshes.note_error(session, work.target, error)
        raise TransientJobError(error)

    def _note_pop(self, pop: Pop, error: str | None) -> None:
        with self.tools.sessions.begin() as session:
            if error is None:
                pops.note_seen(session, pop.name)
            else:
                pops.note_error(session, pop.name, error)

    def _work(self, work: _Work) -> _End:
        driver, refresh, target = self.tools.drive(work.pop), work.refresh, work.target
        if refresh.mode is Mode.HARD:
            return self._drop(work, driver)
        chunks = self._chunks(work)
        if refresh.mode is Mode.SOFT and target.purged_at is None:
            removed = driver.purge(refresh.scope.selection, is_soft=True)
            with self.tools.sessions.begin() as session:
                cache_refreshes.note_purged(session, target, removed)
        return self._fill(work, driver, chunks)

    def _drop(self, work: _Work, driver: PopDriver) -> _End:
        """Have a POP drop what is meant, for good: it is not to be held any more either."""
        scope, target = work.refresh.scope, work.target
        with self.tools.sessions.begin() as session:
            held = edge_objects.covered(session, work.pop.name, scope)
        paths = list(dict.fromkeys([*scope.paths, *(wanted.path for wanted in held)]))
        if target.purged_at is None:
            removed = driver.purge(scope.selection, is_soft=False)
            with self.tools.sessions.begin() as session:
                cache_refreshes.note_purged(session, target, removed)
        left = find_left(driver, paths)
        for _ in range(DROPS):
            if left:
                # A fill may have been under way.
                driver.purge(Selection(paths=tuple(left)), is_soft=False)
                left = find_left(driver, left)
        with self.tools.sessions.begin() as session:
            cache_refreshes.add_counts(session, target, Counted(verified=len(paths) - len(left)))
            # Only at the end: these rows tell the next attempt what must be gone.
            if not left or work.is_last_attempt:
                edge_objects.forget(session, work.pop.name, paths)
        if left:
            return _End(TargetState.FAILED, f"the POP still holds {_some(left)}")
        return _End(TargetState.DONE)

    def _chunks(self, work: _Work) -> Iterator[Sequence[Wanted]]:
        """Return what a POP should hold after the refresh, for which its set's or the request's objects are noted."""
        scope, name = work.refresh.scope, work.pop.name
        if scope.lacking is not None:
            return self._lacking(work)
        objects: Sequence[EdgeObject] = ()
        if scope.set is not None:
            objects = self.tools.set_objects(scope.set)
        elif work.refresh.mode is Mode.FILL:
            objects = [EdgeObject(Wanted(path)) for path in scope.paths]
        with self.tools.sessions.begin() as session:
            if scope.set is not None:
                edge_objects.forget_old_of_set(session, name, scope.set, [each.wanted.path for each in objects])
            if objects:
                edge_objects.add(session, name, objects)
            wanted = {each.path: each for each in edge_objects.covered(session, name, scope)}
        return iter([list(({path: Wanted(path) for path in scope.paths} | wanted).values())])

    def _lacking(self, work: _Work) -> Iterator[Sequence[Wanted]]:
        is_lost, after = work.refresh.scope.lacking == "lost", ""
        while True:
            with self.tools.sessions.begin() as session:
                chunk = edge_objects.lacking_after(session, work.pop.name, after, CHUNK, is_lost=is_lost)
            if not chunk:
                return
            yield chunk
            after = chunk[-1].path

    def _fill(self, work: _Work, driver: PopDriver, chunks: Iterator[Sequence[Wanted]]) -> _End:
        pace = FillPace(
            self.tools.sessions, work.pop, work.stopped, has_window=work.has_window, slice_s=self.tools.slice_s
        )
        # What was lacking and is not any more is not looked at again.
        verified = work.target.verified if work.refresh.scope.lacking else 0
        wrong: list[Result] = []
        for chunk in chunks:
            filling = fill(driver, chunk, pace, self.tools.patience)
            verified += sum(result.outcome is ObjectOutcome.VERIFIED for result in filling.results)
            self._record(work, filling, verified)
            if filling.fault is not None:
                raise filling.fault
            wrong += [result for result in filling.results if _is_wrong(result, work.refresh)]
            if filling.left:
                return _End(None, at=self._room_at(work, pace))
        if wrong:
            shown = _some([f"{result.path}: {result.reason}" for result in wrong])
            return _End(TargetState.FAILED, f"{len(wrong)} of {verified + len(wrong)} objects are not there; {shown}")
        return _End(TargetState.DONE)

    def _record(self, work: _Work, filling: Filling, verified: int) -> None:
        counted = Counted(
            filled=sum(result.is_fetched for result in filling.results),
            verified=verified,
            bytes=sum(result.fetched_bytes for result in filling.results),
        )
        with self.tools.sessions.begin() as session:
            # An object has failed once all attempts at it have.
            is_look = not work.is_last_attempt
            edge_objects.note_results(session, work.pop.name, filling.results, is_look=is_look)
            cache_refreshes.add_counts(session, work.target, counted)

    def _room_at(self, work: _Work, pace: FillPace) -> datetime:
        """Return when the rest may be filled: when the rate allows it, in the window."""
        due = datetime.now(UTC) + timedelta(seconds=pace.wait_s())
        window = work.pop.fill_window
        return window.opens_at(due) if work.has_window and window is not None else due


def _outcome(refresh: Refresh, target: Target, end: _End) -> Outcome:
    result: dict[str, object] = {
        "refresh": str(refresh.id),
        "pop": target.pop,
        "state": end.state,
        "error": end.error,
    }
    if end.state is None:
        result["state"] = TargetState.QUEUED
    return Outcome(result, effects=(partial(_end, refresh=refresh, target=target, end=end),))


def _end(session: Session, refresh: Refresh, target: Target, end: _End) -> None:
    if end.state is None:
        is_ours = refreshing.hand_on(session, target, refresh.mode, end.at)
    else:
        is_ours = cache_refreshes.end(session, target, end.state, end.error)
    if not is_ours:
        log.info("the target was no longer this job's at its end", extra={"pop": target.pop})


def _is_wrong(result: Result, refresh: Refresh) -> bool:
    # Who asks in words for a path to be filled wants to know that there is nothing at it.
    is_asked_for = refresh.mode is Mode.FILL and bool(refresh.scope.paths)
    return result.outcome is ObjectOutcome.WRONG or (result.outcome is ObjectOutcome.NOT_AT_ORIGIN and is_asked_for)


def _some(words: Sequence[str]) -> str:
    return ", ".join(words[:MAX_SHOWN]) + (f" and {len(words) - MAX_SHOWN} more" if len(words) > MAX_SHOWN else "")
