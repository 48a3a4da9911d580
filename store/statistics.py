"""Counts over all owners, for operators' metrics."""

from __future__ import annotations

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


_DEAD_LETTERS = text("SELECT kind, count(*) AS jobs FROM jobs WHERE state = 'failed' GROUP BY kind")
_WORKERS = text(
    "SELECT queue, count(*) AS workers, sum(slots)::bigint AS slots FROM workers, unnest(queues) AS queue"
    " WHERE seen_at > now() - make_interval(secs => :silence_s) GROUP BY queue"
)
_READY = text("SELECT FROM jobs LIMIT 1")


def dead_letters(session: Session) -> dict[str, int]:
    """Count the failed jobs of each kind."""
    return {row.kind: row.jobs for row in session.execute(_DEAD_LETTERS)}


def living_workers(session: Session) -> list[WorkerCount]:
    """Count the workers and slots of each queue that has any."""
    rows = session.execute(_WORKERS, {"silence_s": WORKER_SILENCE_S})
    return [WorkerCount(row.queue, row.workers, row.slots) for row in rows]


def check_ready(session: Session) -> None:
    """Raise one of SQLAlchemy's errors when the database is away, or its tables have not been made."""
    session.execute(_READY)
