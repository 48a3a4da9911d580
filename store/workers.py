"""Living workers: their registration, and the heartbeat that keeps their jobs theirs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.jobs.channels import FREED
from store.prepared import Prepared


@dataclass(frozen=True, slots=True)
class WorkerRecord:
    """A worker process: the queues that it serves with ``slots`` jobs at once."""

    id: UUID
    name: str
    queues: tuple[str, ...]
    slots: int


@dataclass(frozen=True, slots=True)
class HeldJob:
    """A job whose lease is to be renewed for ``lease_s`` seconds."""

    id: UUID
    epoch: int
    lease_s: float


_REGISTER = text(f"""
WITH seen AS (INSERT INTO workers (id, name, queues, slots) VALUES (:id, :name, :queues, :slots)
    ON CONFLICT (id) DO UPDATE SET seen_at = now(), slots = excluded.slots RETURNING queues)
SELECT count(pg_notify('{FREED}', queue)) FROM seen, unnest(queues) AS queue
""")
# Rows are locked in the order of their ids, as by whoever cancels a batch; otherwise the two could deadlock.
_RENEW = Prepared("""
WITH held AS MATERIALIZED (
    SELECT j.id, h.lease_s FROM (
            SELECT * FROM jsonb_to_recordset(:held) AS h(id uuid, epoch bigint, lease_s float) ORDER BY id) h
        CROSS JOIN LATERAL (SELECT id FROM jobs WHERE id = h.id AND epoch = h.epoch AND state = 'running'
            AND worker = :worker LIMIT 1 FOR NO KEY UPDATE) j)
UPDATE jobs j SET lease_until = now() + make_interval(secs => held.lease_s) FROM held
WHERE j.id = ANY(ARRAY[held.id]) RETURNING j.id
""")
_UNREGISTER = text("DELETE FROM workers WHERE id = :id")
_WORKERS = text("SELECT id, name, queues, slots FROM workers ORDER BY started_at, id")


def register(session: Session, worker: WorkerRecord) -> None:
    """Write that ``worker`` lives, and have its queues looked at."""
    values = {"id": worker.id, "name": worker.name, "queues": list(worker.queues), "slots": worker.slots}
    session.execute(_REGISTER, values).all()


def renew(session: Session, worker: UUID, held: Sequence[HeldJob]) -> set[UUID]:
    """Renew the leases of all ``held`` jobs at once and return the ids of those that are still the worker's."""
    rows = [{"id": str(job.id), "epoch": job.epoch, "lease_s": job.lease_s} for job in held]
    return {cast("UUID", row[0]) for row in _RENEW.run(session, {"held": rows, "worker": worker})}


def unregister(session: Session, worker: UUID) -> None:
    """Write that a worker takes no more jobs."""
    session.execute(_UNREGISTER, {"id": worker})


def list_workers(session: Session) -> list[WorkerRecord]:
    """Return the workers that are registered, the oldest first."""
    return [WorkerRecord(row.id, row.name, tuple(row.queues), row.slots) for row in session.execute(_WORKERS)]
