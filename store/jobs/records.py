"""What reads and transitions give back: plain records, detached from any session."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

from sqlalchemy import RowMapping


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
EVENT_FIELDS = tuple(field.name for field in fields(JobEvent))


def job_columns(table: str) -> str:
    """Return the columns of a ``Job``, in its order, for a SELECT from ``table``."""
    return ", ".join(f"{table}.{name}" for name in JOB_FIELDS)


def to_job(row: RowMapping) -> Job:
    """Build a job from a row that has at least its columns."""
    return Job(**{name: row[name] for name in JOB_FIELDS})


def to_event(row: RowMapping) -> JobEvent:
    """Build an event from a row that has at least its columns."""
    return JobEvent(**{name: row[name] for name in EVENT_FIELDS})


def optional_job(row: RowMapping | None) -> Job | None:
    """Build a job from a row mapping, or nothing from nothing."""
    return None if row is None else to_job(row)
