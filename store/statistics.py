"""Counts over all owners, for operators' metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

# A worker beats every few seconds; one that has been silent for this long takes no more jobs.
WORKER_SILENCE_S = 30


@dataclass(frozen=True, slots=True)
class WorkerCount:
    """The living workers of a queue, and their slots together."""

    queue: str
    workers: int
    slots: int


@dataclass(frozen=True, slots=True)
class Finished:
    """The jobs of a kind that ended alike within the last minute.

    ``rescues`` counts the workers that they lost on the way; ``wait_s`` and ``run_s`` are 95th percentiles, in
    seconds: from being due to the last start, and from there to the end.
    """

    kind: str
    state: str
    jobs: int
    rescues: int
    wait_s: float
    run_s: float


_FINISHED = text("""
SELECT kind, state, count(*) AS jobs, sum(crashes)::bigint AS rescues,
    coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM started_at - run_at)), 0)::float
        AS wait_s,
    coalesce(percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM finished_at - started_at)), 0)::float
        AS run_s
FROM jobs WHERE kind = ANY(:kinds) AND finished_at > now() - interval '1 minute' GROUP BY kind, state
""")
_DEAD_LETTERS = text("SELECT kind, count(*) AS jobs FROM jobs WHERE state = 'failed' GROUP BY kind")
_WORKERS = text(
    "SELECT queue, count(*) AS workers, sum(slots)::bigint AS slots FROM workers, unnest(queues) AS queue"
    " WHERE seen_at > now() - make_interval(secs => :silence_s) GROUP BY queue"
)
_DEADLOCKS = text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
_READY = text("SELECT FROM jobs LIMIT 1")


def dead_letters(session: Session) -> dict[str, int]:
    """Count the failed jobs of each kind."""
    return {row.kind: row.jobs for row in session.execute(_DEAD_LETTERS)}


def finished_lately(session: Session, kinds: Sequence[str]) -> list[Finished]:
    """Return what became of the jobs that ended within the last minute, by kind and state."""
    rows = session.execute(_FINISHED, {"kinds": list(kinds)})
    return [Finished(row.kind, row.state, row.jobs, row.rescues, row.wait_s, row.run_s) for row in rows]


def living_workers(session: Session) -> list[WorkerCount]:
    """Count the workers and slots of each queue that has any."""
    rows = session.execute(_WORKERS, {"silence_s": WORKER_SILENCE_S})
    return [WorkerCount(row.queue, row.workers, row.slots) for row in rows]


def deadlocks(session: Session) -> int:
    """Count the deadlocks of this database since its statistics began, whoever met with them."""
    return int(session.execute(_DEADLOCKS).scalar_one())


def check_ready(session: Session) -> None:
    """Raise one of SQLAlchemy's errors when the database is away, or its tables have not been made."""
    session.execute(_READY)
