"""What reads and transitions give back: plain records, detached from any session."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Job:
    """A row of ``jobs`` as it was read; ``JobRow`` says what its fields mean."""

    id: UUID
    kind: str
    queue: str
    owner: str
    state: str
    priority: int
    payload: dict[str, object]
    result: dict[str, object] | None
    error: dict[str, object] | None
    progress: dict[str, object] | None
    attempt: int
    crashes: int
    max_attempts: int
    run_at: datetime
    deadline: datetime | None
    epoch: int
    version: int
    parent_id: UUID | None
    children_total: int | None
    pending_children: int | None
    request_id: str | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class JobEvent:
    """A row of ``job_events``; ``id`` grows in the order of the job's transitions."""

    id: int
    job_id: UUID
    at: datetime
    name: str
    state: str
    attempt: int
    detail: dict[str, object] | None


JOB_FIELDS = tuple(field.name for field in fields(Job))


def job_columns(table: str) -> str:
    """Return the columns of a ``Job``, in its order, for a SELECT from ``table``."""
    return ", ".join(f"{table}.{name}" for name in JOB_FIELDS)


def event_columns() -> str:
    """Return the columns of a ``JobEvent``, in its order, for a SELECT."""
    return ", ".join(field.name for field in fields(JobEvent))


def to_job(row: Sequence[object]) -> Job:
    """Build a job from a row that begins with ``job_columns``."""
    return Job(*row[: len(JOB_FIELDS)])  # type: ignore[arg-type]  # The columns are of the fields' types.


def to_event(row: Sequence[object]) -> JobEvent:
    """Build an event from a row of ``event_columns``."""
    return JobEvent(*row)  # type: ignore[arg-type]  # The columns are of the fields' types.


def first_job(rows: Sequence[Sequence[object]]) -> Job | None:
    """Build a job from the first of ``rows``, or nothing from nothing."""
    return to_job(rows[0]) if rows else None
