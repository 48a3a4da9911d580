"""Reading jobs: one by its id, lists, events, and counts."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import RowMapping, text
from sqlalchemy.orm import Session

from store.jobs.records import Job, JobEvent, event_columns, first_job, job_columns, to_event, to_job
from store.prepared import Prepared


@dataclass(frozen=True, slots=True)
class JobFilter:
    """Which jobs to list; ``None`` asks for nothing. ``is_top`` leaves a batch's children out."""

    owner: str | None = None
    kind: str | None = None
    state: str | None = None
    parent_id: UUID | None = None
    is_top: bool = False


@dataclass(frozen=True, slots=True)
class QueueCount:
    """How many jobs of a queue are in a state that is not final, and how long its oldest due job has waited.

    Queued jobs are counted as ``scheduled`` before their time has come: later tries, and what is to be done later.
    """

    queue: str
    state: str
    jobs: int
    oldest_age_s: float


_JOB = Prepared(f"SELECT {job_columns('j')} FROM jobs j WHERE j.id = :id")
_OWNED_JOB = Prepared(f"SELECT {job_columns('j')} FROM jobs j WHERE j.id = :id AND j.owner = :owner")
_EVENTS = Prepared(
    f"SELECT {event_columns()} FROM job_events WHERE job_id = :job_id AND id > :after ORDER BY id LIMIT :limit"
)
_CHILDREN = text("SELECT id, state FROM jobs WHERE parent_id = :parent_id ORDER BY id")
# Counting stops at the bound, so the answer costs the same however deep the queue is.
_DEPTH = text(
    "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE queue = :queue AND state = 'queued' LIMIT :bound) AS waiting"
)
_COUNTS = text("""
SELECT queue, CASE WHEN run_at <= now() THEN 'queued' ELSE 'scheduled' END AS state, count(*) AS jobs,
    greatest(extract(epoch FROM now() - min(run_at)), 0)::float AS oldest_age_s
FROM jobs WHERE state = 'queued' GROUP BY 1, 2
UNION ALL
SELECT queue, state, count(*), coalesce(extract(epoch FROM now() - min(run_at)), 0)::float
FROM jobs WHERE state IN ('dispatched', 'running') AND pending_children IS NULL GROUP BY queue, state
""")


def get_job(session: Session, job_id: UUID, owner: str | None = None) -> Job | None:
    """Return a job; with ``owner``, only if it is that owner's."""
    if owner is None:
        return first_job(_JOB.run(session, {"id": job_id}))
    return first_job(_OWNED_JOB.run(session, {"id": job_id, "owner": owner}))


def list_jobs(session: Session, wanted: JobFilter, limit: int, before: UUID | None = None) -> list[Job]:
    """Return the newest jobs first; ``before`` is the last id of the page before.

    Ids are UUIDs of version 7, so their order is that of creation.
    """
    conditions = {
        "j.owner = :owner": wanted.owner,
        "j.kind = :kind": wanted.kind,
        "j.state = :state": wanted.state,
        "j.parent_id = :parent_id": wanted.parent_id,
        "j.id < :before": before,
    }
    chosen = [condition for condition, value in conditions.items() if value is not None]
    chosen += ["j.parent_id IS NULL"] if wanted.is_top else []
    where = f"WHERE {' AND '.join(chosen)}" if chosen else ""
    sql = text(f"SELECT {job_columns('j')} FROM jobs j {where} ORDER BY j.id DESC LIMIT :limit")
    parameters = {condition.rpartition(":")[2]: value for condition, value in conditions.items() if value is not None}
    return [to_job(row) for row in session.execute(sql, {**parameters, "limit": limit})]


def events_after(session: Session, job_id: UUID, after: int = 0, limit: int = 1000) -> list[JobEvent]:
    """Return a job's events that came after the one with the id ``after``, oldest first."""
    return [to_event(row) for row in _EVENTS.run(session, {"job_id": job_id, "after": after, "limit": limit})]


def child_states(session: Session, parent_id: UUID) -> dict[UUID, str]:
    """Return the state of each of a batch's children, in the order in which they were given."""
    return {row.id: row.state for row in session.execute(_CHILDREN, {"parent_id": parent_id})}


def queue_depth(session: Session, queue: str, bound: int) -> int:
    """Count the queued jobs of a queue, at most ``bound``."""
    return int(session.execute(_DEPTH, {"queue": queue, "bound": bound}).scalar_one())


def queue_counts(session: Session) -> list[QueueCount]:
    """Count the jobs that are not final by queue and state, for metrics; see ``QueueCount``."""
    return [_queue_count(row) for row in session.execute(_COUNTS).mappings()]


def _queue_count(row: RowMapping) -> QueueCount:
    return QueueCount(row["queue"], row["state"], row["jobs"], row["oldest_age_s"])
