"""The one path that every job takes through a worker: claim, hold, work, conclude.

Theory of operation
-------------------
A message brings nothing but a job's id, and it may come twice, late, or for a job that is long over. So the first
thing is the *claim*: one conditional UPDATE that makes the job ours for the length of a lease and gives it a new
epoch. Whoever claims nothing drops the message.

While the work goes on, the process's heartbeat thread renews the lease. It also learns, by notification or from the
renewal itself, that a job is no longer ours; then it calls the callbacks by which the handler's tools are stopped.

The *conclusion* is one statement again, guarded by id, epoch and worker. A job that was cancelled, rescued or
released meanwhile has another epoch, so the statement changes nothing and what the handler made is dropped. Effects
of a handler run in the transaction of that statement: both happen or neither. Work that we had to stop is not
concluded but *released*, under the same guard: the job is queued again as if it had not been claimed.

What is left out on purpose: nothing here acknowledges messages or redelivers them (a job whose worker dies is found
by its lease), nothing knows Celery, and no failure of the database fails a job while there is patience left.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine

from jobs.heartbeat import Heartbeat, RunningJob, StopReason
from jobs.kinds import KINDS, Kind, kind_named
from jobs.model import Handler, JobFailedError, Outcome, TransientJobError
from jobs.patience import DATABASE_ERRORS, PATIENCE_S, patiently
from store.db import transactions
from store.jobs import transitions
from store.jobs.records import Job
from store.jobs.transitions import Holder

INTERNAL_ERROR = {"type": "internal", "message": "internal error"}
PROGRESS_EVERY_S = 0.5
DRAIN_PATIENCE_S = 5.0
"""How long a drain waits for a database that is away, of the time that the end of a process may take altogether."""

log = logging.getLogger(__name__)
log_job_id: ContextVar[str | None] = ContextVar("log_job_id", default=None)
log_kind: ContextVar[str | None] = ContextVar("log_kind", default=None)
log_attempt: ContextVar[int | None] = ContextVar("log_attempt", default=None)
log_request_id: ContextVar[str | None] = ContextVar("log_request_id", default=None)


@dataclass(frozen=True, slots=True)
class Succeeded:
    """The handler gave its outcome."""

    outcome: Outcome


@dataclass(frozen=True, slots=True)
class Failed:
    """The work did not succeed; ``may_retry`` tells whether another attempt could."""

    error: dict[str, object]
    may_retry: bool


Ending = Succeeded | Failed


def backoff_s(kind: Kind, failures: int) -> float:
    """Return a random delay before the next attempt, after ``failures`` (at least one).

    Exponential with full jitter: "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """
    ceiling: float = min(kind.backoff_max_s, kind.backoff_s * 2 ** (failures - 1))
    return random.uniform(0, ceiling)  # noqa: S311 - Spreading retries needs no secrecy.


class Lifecycle:
    """What a worker process does with each job id that it is handed, from any number of threads."""

    def __init__(
        self,
        engine: Engine,
        heartbeat: Heartbeat,
        handlers: Mapping[str, Handler],
        kinds: Mapping[str, Kind] = KINDS,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._engine = engine
        self._transactions = transactions(engine)
        self._heartbeat = heartbeat
        self._handlers = handlers
        self._kinds = kinds
        self._patience_s = patience_s
        self._is_draining = False
        self._active = 0
        self._idle = threading.Condition()

    def run(self, kind_name: str, job_id: UUID) -> None:
        """Take a job through its life, or do nothing if it is not there to be claimed."""
        kind = kind_named(kind_name, self._kinds)
        with self._counted():
            if self._is_draining:
                self._give_back(job_id)
                return
            job = self._claim(kind, job_id)
            if job is None:
                log.debug("nothing to claim", extra={"job_id": str(job_id)})
                return
            with _log_context(job), self._hold(job, kind) as running:
                ending = self._work(job, running)
                running.close()
                if running.stop_reason is None:
                    self._conclude(job, kind, running, ending)
                elif running.stop_reason is not StopReason.LOST:
                    self._insist(running, lambda: self._release([running]))

    def drain(self, grace_s: float) -> None:
        """Claim no more, let running jobs finish for ``grace_s``, then queue what is left without counting it."""
        self._is_draining = True
        self._heartbeat.retire()
        with self._idle:
            if self._idle.wait_for(lambda: self._active == 0, grace_s):
                return
        held = self._heartbeat.held()
        try:
            patiently(lambda: self._release(held), DRAIN_PATIENCE_S)
        except DATABASE_ERRORS:
            log.warning("could not release %d jobs; each goes on trying when it has stopped", len(held))
        for running in held:
            running.stop(StopReason.DRAINING)

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._idle:
            self._active += 1
        try:
            yield
        finally:
            with self._idle:
                self._active -= 1
                self._idle.notify_all()

    def _claim(self, kind: Kind, job_id: UUID) -> Job | None:
        def attempt() -> Job | None:
            with self._engine.connect() as connection:
                return transitions.claim(connection, job_id, self._heartbeat.worker.id, kind.lease_s)

        return patiently(attempt)

    @contextmanager
    def _hold(self, job: Job, kind: Kind) -> Iterator[RunningJob]:
        holder = Holder(job.id, job.epoch, self._heartbeat.worker.id, job.parent_id)
        running = RunningJob(holder, kind.lease_s)
        self._heartbeat.hold(running)
        try:
            yield running
        finally:
            self._heartbeat.let_go(running)

    def _work(self, job: Job, running: RunningJob) -> Ending:
        """Call the handler, which may break in any way: every exception is caught, here and in ``_conclude``."""
        try:
            return Succeeded(self._handlers[job.kind](job.payload, _Context(job, running, self._report)))
        except JobFailedError as error:
            return Failed({"type": "failed", "message": str(error)}, may_retry=False)
        except TransientJobError as error:
            return Failed({"type": "transient", "message": str(error)}, may_retry=True)
        except Exception:
            if running.stop_reason is None:
                log.exception("the handler broke")
            return Failed(dict(INTERNAL_ERROR), may_retry=True)

    def _conclude(self, job: Job, kind: Kind, running: RunningJob, ending: Ending) -> None:
        try:
            is_ours = self._insist(running, self._conclusion(job, kind, running.holder, ending))
        except DATABASE_ERRORS:
            raise
        except Exception:
            # An effect broke, or no column can hold the result: that is the handler's failure and no crash.
            log.exception("the job's end could not be written")
            failed = Failed(dict(INTERNAL_ERROR), may_retry=True)
            is_ours = self._insist(running, self._conclusion(job, kind, running.holder, failed))
        if not is_ours:
            log.info("the job was no longer ours at its end; what it made is dropped")

    def _insist(self, running: RunningJob, action: Callable[[], bool]) -> bool:
        """Be patient beyond measure with a database that does not answer the heartbeat either.

        If it answers that, it is not away, and what is wrong with the statement will not pass.
        """
        while True:
            began_at = time.monotonic()
            try:
                return patiently(action, self._patience_s)
            except DATABASE_ERRORS:
                if running.answered_at > began_at:
                    raise

    def _conclusion(self, job: Job, kind: Kind, holder: Holder, ending: Ending) -> Callable[[], bool]:
        if isinstance(ending, Succeeded):
            if ending.outcome.effects:
                return lambda: self._succeed_with_effects(holder, ending.outcome)
            return lambda: self._succeed(holder, ending.outcome)
        failures = job.attempt - job.crashes
        if ending.may_retry and failures < job.max_attempts:
            delay_s = backoff_s(kind, failures)
            return lambda: self._retry_later(holder, ending.error, delay_s)
        return lambda: self._fail(holder, ending.error)

    def _succeed(self, holder: Holder, outcome: Outcome) -> bool:
        with self._engine.connect() as connection:
            return transitions.succeed(connection, holder, outcome.result)

    def _succeed_with_effects(self, holder: Holder, outcome: Outcome) -> bool:
        with self._transactions() as session:
            if not transitions.succeed(session, holder, outcome.result):
                return False
            for effect in outcome.effects:
                effect(session)
            session.commit()
            return True

    def _retry_later(self, holder: Holder, error: Mapping[str, object], delay_s: float) -> bool:
        with self._engine.connect() as connection:
            return transitions.retry_later(connection, holder, error, delay_s)

    def _fail(self, holder: Holder, error: Mapping[str, object]) -> bool:
        with self._engine.connect() as connection:
            return transitions.fail(connection, holder, error)

    def _release(self, held: Sequence[RunningJob]) -> bool:
        with self._engine.connect() as connection:
            return transitions.release(connection, *[running.holder for running in held]) > 0

    def _give_back(self, job_id: UUID) -> None:
        with self._engine.connect() as connection:
            transitions.give_back(connection, job_id)

    def _report(self, holder: Holder, progress: dict[str, object]) -> None:
        with self._engine.connect() as connection:
            transitions.report_progress(connection, holder, progress)


class _Context:
    """The ``JobContext`` of one job."""

    def __init__(self, job: Job, running: RunningJob, report: Callable[[Holder, dict[str, object]], None]) -> None:
        self.job_id = job.id
        self.owner = job.owner
        self.attempt = job.attempt
        self.epoch = job.epoch
        self._running = running
        self._report = report
        self._reported_at = 0.0

    def report_progress(self, progress: dict[str, object]) -> None:
        now = time.monotonic()
        if now - self._reported_at < PROGRESS_EVERY_S:
            return
        self._reported_at = now
        try:
            self._report(self._running.holder, progress)
        except DATABASE_ERRORS as error:
            log.warning("progress could not be shown: %s", error)

    def on_stop(self, callback: Callable[[], None]) -> None:
        self._running.on_stop(callback)


@contextmanager
def _log_context(job: Job) -> Iterator[None]:
    values: list[tuple[ContextVar[str | None], str | None]] = [
        (log_job_id, str(job.id)), (log_kind, job.kind), (log_request_id, job.request_id),
    ]  # fmt: skip
    tokens = [(variable, variable.set(value)) for variable, value in values]
    attempt = log_attempt.set(job.attempt)
    try:
        yield
    finally:
        log_attempt.reset(attempt)
        for variable, token in tokens:
            variable.reset(token)
