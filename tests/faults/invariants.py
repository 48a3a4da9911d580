"""What must hold after every fault: read from the database once everything has settled, job by job."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.exc import OperationalError

from tests.faults.effects import EFFECTS_KIND, OWNER
from tests.faults.ledger import Ledger, Promise

FINAL_STATES = frozenset({"succeeded", "failed", "cancelled", "expired"})

TRANSITIONS = {
    ("", "submitted"): "queued",
    ("queued", "dispatched"): "dispatched",
    ("queued", "claimed"): "running",
    ("queued", "cancelled"): "cancelled",
    ("queued", "expired"): "expired",
    ("dispatched", "claimed"): "running",
    ("dispatched", "unsent"): "queued",
    ("dispatched", "redispatched"): "queued",
    ("dispatched", "returned"): "queued",
    ("dispatched", "cancelled"): "cancelled",
    ("dispatched", "expired"): "expired",
    ("running", "succeeded"): "succeeded",
    ("running", "failed"): "failed",
    ("running", "retried"): "queued",
    ("running", "released"): "queued",
    ("running", "rescued"): "queued",
    ("running", "cancelled"): "cancelled",
}
"""The life of a job that nobody re-runs: (state, event) to the next state; ``docs/job_states.md`` has the reasons."""

_PENDING = text("""
SELECT count(*) FROM jobs WHERE id = ANY(:ids) AND state NOT IN ('succeeded', 'failed', 'cancelled', 'expired')
""").bindparams(bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_RUNNING = text("SELECT count(*) FROM jobs WHERE id = ANY(:ids) AND state = 'running'").bindparams(
    bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True)))
)
_RESCUED_RUNNING = text(
    "SELECT count(*) FROM jobs WHERE id = ANY(:ids) AND state = 'running' AND crashes > 0 AND kind = :kind"
).bindparams(bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))), kind=EFFECTS_KIND)
_RESCUED = text("SELECT count(*) FROM jobs WHERE id = ANY(:ids) AND crashes > 0").bindparams(
    bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True)))
)
_ROWS = text("""
SELECT id, state, attempt, crashes, epoch, worker, lease_until, result, error FROM jobs WHERE id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_EVENTS = text("""
SELECT job_id, name, state FROM job_events WHERE job_id = ANY(:ids) ORDER BY job_id, id
""").bindparams(bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))
_UNPROMISED = text("""
SELECT id, kind, state FROM jobs WHERE owner = :owner AND created_at >= :since AND NOT id = ANY(:ids)
""").bindparams(bindparam("ids", type_=ARRAY(PG_UUID(as_uuid=True))))


@dataclass(frozen=True, slots=True)
class Row:
    """A job as the database has it, with its events in their order and its effects counted."""

    id: UUID
    state: str
    attempt: int
    crashes: int
    is_held: bool
    stdout: str | None
    error: object
    events: tuple[tuple[str, str], ...]
    epoch: int
    effects: tuple[int, ...]

    def count(self, event: str) -> int:
        return sum(name == event for name, _ in self.events)


@dataclass(slots=True)
class Report:
    """What came of all accepted jobs; ``broken`` holds one sentence per broken rule."""

    rows: list[Row]
    broken: list[str] = field(default_factory=list)

    def events(self) -> Counter[str]:
        return Counter(name for row in self.rows for name, _ in row.events)

    def total(self, event: str) -> int:
        return self.events()[event]


def now(engine: Engine) -> datetime:
    """Return the database's time."""
    with engine.connect() as connection:
        moment: datetime = connection.execute(text("SELECT now()")).scalar_one()
    return moment


def settle(engine: Engine, ledger: Ledger, timeout_s: float, meanwhile: Callable[[], None]) -> float:
    """Wait until every accepted job is final and return how long that took; give up after ``timeout_s``."""
    began = time.monotonic()
    while (left := count_pending(engine, ledger.promises)) and time.monotonic() - began < timeout_s:
        meanwhile()
        time.sleep(0.05 if left < 20 else 0.2)
    return time.monotonic() - began


def count_pending(engine: Engine, ids: Iterable[UUID]) -> int:
    """Return how many of ``ids`` are not final, or a large number while the database is away."""
    try:
        with engine.connect() as connection:
            return int(connection.execute(_PENDING, {"ids": list(ids)}).scalar_one())
    except OperationalError:
        return 1_000_000


def count_running(engine: Engine, ids: Iterable[UUID]) -> int:
    """Return how many of ``ids`` run."""
    with engine.connect() as connection:
        return int(connection.execute(_RUNNING, {"ids": list(ids)}).scalar_one())


def count_rescued_running(engine: Engine, ids: Iterable[UUID]) -> int:
    """Return how many of ``ids`` run again after a rescue."""
    with engine.connect() as connection:
        return int(connection.execute(_RESCUED_RUNNING, {"ids": list(ids)}).scalar_one())


def count_rescued(engine: Engine, ids: Iterable[UUID]) -> int:
    """Return how many of ``ids`` lost a worker."""
    with engine.connect() as connection:
        return int(connection.execute(_RESCUED, {"ids": list(ids)}).scalar_one())


def inspect(engine: Engine, ledger: Ledger, since: datetime) -> Report:
    """Hold every job that was accepted ``since`` against its promise and against the rules of all jobs."""
    promises = ledger.promises
    report = Report(_read(engine, list(promises)))
    report.broken.extend(ledger.violations)
    found = {row.id for row in report.rows}
    report.broken.extend(f"job {job_id} was accepted and is gone" for job_id in promises if job_id not in found)
    for row in report.rows:
        report.broken.extend(f"job {row.id}: {rule}: {row}" for rule in _broken_rules(row, promises[row.id]))
    with engine.connect() as connection:
        unpromised = connection.execute(_UNPROMISED, {"owner": OWNER, "since": since, "ids": list(promises)}).all()
    # Every client asks again with the same key until it has an answer, so each job is known to exactly one.
    report.broken.extend(f"job {job.id} of kind {job.kind} was made twice" for job in unpromised)
    return report


def _read(engine: Engine, ids: list[UUID]) -> list[Row]:
    with engine.connect() as connection:
        events: dict[UUID, list[tuple[str, str]]] = defaultdict(list)
        for event in connection.execute(_EVENTS, {"ids": ids}):
            events[event.job_id].append((event.name, event.state))
        effects: dict[UUID, list[int]] = defaultdict(list)
        for effect in connection.execute(text("SELECT job_id, epoch FROM fault_effects")):
            effects[effect.job_id].append(effect.epoch)
        rows = connection.execute(_ROWS, {"ids": ids}).all()
    return [
        Row(row.id, row.state, row.attempt, row.crashes, row.worker is not None or row.lease_until is not None,
            _stdout(row.result), row.error, tuple(events[row.id]), row.epoch,
            tuple(effects[row.id]))
        for row in rows
    ]  # fmt: skip


def _stdout(result: dict[str, object] | None) -> str | None:
    cases = (result or {}).get("cases")
    return cases[0].get("stdout") if isinstance(cases, list) and cases else None


def _broken_rules(row: Row, promise: Promise) -> list[str]:
    finals = [name for name, state in row.events if state in FINAL_STATES]
    # An effect carries the epoch of the claim that made it: the one effect must be that of the last claim.
    effects = (row.epoch,) if promise.kind == EFFECTS_KIND and promise.final_state == "succeeded" else ()
    rules = {
        f"should be {promise.final_state}": row.state == promise.final_state,
        f"should have had effects of the epochs {effects}": row.effects == effects,
        "should have exactly one final event, its last": len(finals) == 1 and row.events[-1][0] == finals[0],
        "should have one attempt for each claim that was not given back": row.attempt
        == row.count("claimed") - row.count("released"),
        "should have one crash for each rescue": row.crashes - row.count("rescued") == int(row.state == "failed"),
        "should be held by nobody": not row.is_held,
        f"should have printed {promise.stdout!r}": promise.stdout is None or row.stdout == promise.stdout,
    }
    return [rule for rule, holds in rules.items() if not holds] + _wrong_turns(row)


def _wrong_turns(row: Row) -> list[str]:
    state = ""
    for name, next_state in row.events:
        if TRANSITIONS.get((state, name)) != next_state:
            return [f"event {name!r} must not lead from {state!r} to {next_state!r}"]
        state = next_state
    return [] if state == row.state else [f"its events end in {state!r}"]
