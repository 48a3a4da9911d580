"""Accepting jobs: the row, its event and its idempotency key in one statement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy.orm import Session

from store.jobs.channels import QUEUED
from store.jobs.records import Job, first_job, job_columns, to_job
from store.prepared import Prepared


@dataclass(frozen=True, slots=True)
class JobToInsert:
    """A row to be. ``run_at`` ``None`` is now. A batch's parent has ``children_total`` and starts running."""

    id: UUID
    kind: str
    queue: str
    owner: str
    payload: dict[str, object]
    priority: int
    max_attempts: int
    run_at: datetime | None = None
    deadline: datetime | None = None
    request_id: str | None = None
    parent_id: UUID | None = None
    children_total: int | None = None
    schedule_name: str | None = None
    fire_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class KeyToInsert:
    """An owner's idempotency key, and the fingerprint of the request that used it."""

    owner: str
    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class UsedKey:
    """What an idempotency key was used for."""

    fingerprint: bytes
    job_id: UUID


# With a key, nothing is inserted unless the key is new. A key that another transaction is just inserting makes this
# statement wait until that one has committed (nothing is inserted) or failed (this one goes on).
_INSERT = """
WITH {key}
given AS (SELECT * FROM jsonb_to_recordset(:rows) AS g(
    id uuid, kind text, queue text, owner text, payload jsonb, priority smallint, max_attempts int,
    run_at timestamptz, deadline timestamptz, request_id text, parent_id uuid, children_total int,
    schedule_name text, fire_at timestamptz)),
inserted AS (INSERT INTO jobs (id, kind, queue, owner, state, payload, priority, max_attempts, run_at, deadline,
        request_id, parent_id, children_total, pending_children, started_at, schedule_name, fire_at)
    SELECT id, kind, queue, owner, CASE WHEN children_total IS NULL THEN 'queued' ELSE 'running' END, payload,
        priority, max_attempts, coalesce(run_at, now()), deadline, request_id, parent_id, children_total,
        children_total, CASE WHEN children_total IS NOT NULL THEN now() END, schedule_name, fire_at
    FROM given {when_new}
    ON CONFLICT (schedule_name, fire_at) WHERE schedule_name IS NOT NULL DO NOTHING RETURNING *),
events AS (INSERT INTO job_events (job_id, name, state, attempt)
    SELECT id, 'submitted', state, attempt FROM inserted),
told AS MATERIALIZED (SELECT count(pg_notify('{QUEUED}', queue)) AS n
    FROM (SELECT DISTINCT queue FROM inserted WHERE state = 'queued') AS queues)
SELECT {columns} FROM inserted i CROSS JOIN told WHERE i.parent_id IS NULL
"""


def _insert(key: str, when_new: str) -> Prepared:
    return Prepared(_INSERT.format(key=key, when_new=when_new, QUEUED=QUEUED, columns=job_columns("i")))


_INSERT_KEYLESS = _insert("", "")
_INSERT_WITH_KEY = _insert(
    """key AS (INSERT INTO idempotency_keys (owner, key, fingerprint, job_id)
    VALUES (:owner, :key, :fingerprint, :job_id) ON CONFLICT DO NOTHING RETURNING job_id),""",
    "WHERE EXISTS (SELECT FROM key)",
)
_USED_KEY = Prepared("SELECT fingerprint, job_id FROM idempotency_keys WHERE owner = :owner AND key = :key")


_ROW_FIELDS = tuple(field.name for field in fields(JobToInsert))


def insert_jobs(session: Session, jobs: Sequence[JobToInsert]) -> list[Job]:
    """Insert ``jobs`` (a batch's parent before its children) and return those without a parent.

    A scheduled job whose ``fire_at`` has been inserted already is left out.
    """
    return [to_job(row) for row in _INSERT_KEYLESS.run(session, {"rows": _as_json(jobs)})]


def insert_jobs_once(session: Session, jobs: Sequence[JobToInsert], key: KeyToInsert) -> Job | None:
    """Insert ``jobs`` if ``key`` is new, and return the first of them; ``None`` if the key has been used.

    Waits for another transaction that is just using the same key.
    """
    values = {"owner": key.owner, "key": key.key, "fingerprint": key.fingerprint, "job_id": jobs[0].id}
    return first_job(_INSERT_WITH_KEY.run(session, {"rows": _as_json(jobs), **values}))


def used_key(session: Session, owner: str, key: str) -> UsedKey | None:
    """Return what ``key`` was used for."""
    rows = _USED_KEY.run(session, {"owner": owner, "key": key})
    return UsedKey(bytes(cast("memoryview", rows[0][0])), cast("UUID", rows[0][1])) if rows else None


def _as_json(jobs: Sequence[JobToInsert]) -> list[dict[str, object]]:
    # Not ``dataclasses.asdict``: it would copy each payload, sources and all, only for it to be serialised.
    return [{name: _plain(getattr(job, name)) for name in _ROW_FIELDS} for job in jobs]


def _plain(value: object) -> object:
    if isinstance(value, UUID):
        return str(value)
    return value.isoformat() if isinstance(value, datetime) else value
