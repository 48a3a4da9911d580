"""Accept, cancel and run jobs again: what a request does. Each change is one statement of the database.

Nothing here talks to the broker, so a job is accepted while Redis is down and runs when it is back.
"""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from jobs.kinds import BATCHES, KINDS, Kind, kind_named
from jobs.model import NewJob
from store.jobs import reads, submissions, transitions
from store.jobs.records import Job
from store.jobs.submissions import JobToInsert, KeyToInsert

DEPTH_CACHE_S = 1.0
KEY_ROUNDS = 3


class QueueFullError(Exception):
    """The queue is deeper than its bound; nothing was written. ``retry_after_s`` is a guess at when to come back."""

    def __init__(self, queue: str, retry_after_s: int) -> None:
        super().__init__(f"the queue {queue} is full")
        self.queue = queue
        self.retry_after_s = retry_after_s


class IdempotencyConflictError(Exception):
    """The idempotency key was used before, for another request; nothing was written."""


class JobNotFoundError(Exception):
    """There is no such job, or it is another owner's."""


class JobStateError(Exception):
    """The job's present state does not allow what was asked; ``state`` names it."""

    def __init__(self, message: str, state: str) -> None:
        super().__init__(message)
        self.state = state


@dataclass(frozen=True, slots=True)
class Idempotency:
    """A caller's ``Idempotency-Key``, and the ``fingerprint`` of the request that came with it."""

    key: str
    fingerprint: bytes


@dataclass(frozen=True, slots=True)
class Submission:
    """The job that a request made, or (``is_replayed``) that an earlier request with the same key had made."""

    job: Job
    is_replayed: bool


def fingerprint(request: object) -> bytes:
    """Return the SHA-256 of a request that is made of JSON values; the order of names does not count."""
    return hashlib.sha256(json.dumps(request, sort_keys=True, separators=(",", ":")).encode()).digest()


def submit(
    session: Session, new_job: NewJob, idempotency: Idempotency | None = None, kinds: Mapping[str, Kind] = KINDS
) -> Submission:
    """Accept a job.

    Raises:
        UnknownKindError: there is no such kind.
        QueueFullError: too many jobs wait already.
        IdempotencyConflictError: the key belongs to another request.
    """
    kind = kind_named(new_job.kind, kinds)
    _refuse_if_full(session, kind, 1)
    return _insert(session, [_row(new_job, kind)], idempotency)


def find_replay(session: Session, owner: str, idempotency: Idempotency) -> Submission | None:
    """Return what an earlier request of ``owner`` with this key made; ``None`` if there was none.

    Raises:
        IdempotencyConflictError: the key belongs to another request.
    """
    return _replay(session, KeyToInsert(owner, idempotency.key, idempotency.fingerprint))


def submit_batch(session: Session, new_jobs: Sequence[NewJob], idempotency: Idempotency | None = None) -> Submission:
    """Accept several jobs of one owner and one kind as a batch; the submission's job is their parent.

    Raises:
        ValueError: there are none, or they differ in owner or kind.
        UnknownKindError, QueueFullError, IdempotencyConflictError: as for ``submit``.
    """
    if len({(job.owner, job.kind) for job in new_jobs}) != 1:
        raise ValueError("a batch is of one owner and one kind")
    first = new_jobs[0]
    kind = kind_named(first.kind)
    _refuse_if_full(session, kind, len(new_jobs))
    parent = replace(
        _row(first, kind), kind=BATCHES, queue=BATCHES, payload={"kind": kind.name}, children_total=len(new_jobs),
        run_at=None, deadline=None,
    )  # fmt: skip
    children = [replace(_row(job, kind), parent_id=parent.id) for job in new_jobs]
    return _insert(session, [parent, *children], idempotency)


def cancel(session: Session, job_id: UUID, owner: str | None = None) -> Job:
    """Cancel a job, or a batch with its children; a job that is cancelled already is simply returned.

    Raises:
        JobNotFoundError: there is none of that ``owner`` (``None``: of anybody).
        JobStateError: it has ended in another way.
    """
    job = get(session, job_id, owner)
    steps = transitions.cancel if job.children_total is None else transitions.cancel_batch
    cancelled = steps(session, job_id) or get(session, job_id, owner)
    if cancelled.state != "cancelled":
        raise JobStateError(f"the job has {cancelled.state} already", cancelled.state)
    return cancelled


def retry(session: Session, job_id: UUID, owner: str | None = None) -> Job:
    """Run a failed job again, with all its attempts.

    Raises:
        JobNotFoundError: there is none of that ``owner`` (``None``: of anybody).
        JobStateError: it did not fail.
    """
    job = get(session, job_id, owner)
    again = transitions.rerun(session, job_id)
    if again is None:
        raise JobStateError(f"only a failed job is run again; this one is {job.state}", job.state)
    return again


def get(session: Session, job_id: UUID, owner: str | None = None) -> Job:
    """Return a job.

    Raises:
        JobNotFoundError: there is none of that ``owner`` (``None``: of anybody).
    """
    job = reads.get_job(session, job_id, owner)
    if job is None:
        raise JobNotFoundError(f"there is no job {job_id}")
    return job


def follow(session: Session, job_id: UUID) -> None:
    """Have every change of a job told from now on, not only its end; a job that is not there is no error."""
    transitions.follow(session, job_id)


def _row(new_job: NewJob, kind: Kind) -> JobToInsert:
    return JobToInsert(
        id=uuid7(),
        kind=kind.name,
        queue=kind.queue,
        owner=new_job.owner,
        payload=new_job.payload,
        priority=int(new_job.priority),
        max_attempts=kind.max_attempts,
        run_at=new_job.run_at,
        deadline=new_job.deadline,
        request_id=new_job.request_id,
    )


def _insert(session: Session, rows: Sequence[JobToInsert], idempotency: Idempotency | None) -> Submission:
    if idempotency is None:
        return Submission(submissions.insert_jobs(session, rows)[0], is_replayed=False)
    key = KeyToInsert(rows[0].owner, idempotency.key, idempotency.fingerprint)
    for _ in range(KEY_ROUNDS):
        job = submissions.insert_jobs_once(session, rows, key)
        if job is not None:
            return Submission(job, is_replayed=False)
        replayed = _replay(session, key)
        if replayed is not None:
            return replayed
        # The key was pruned between the two statements, so the next round inserts it.
    raise IdempotencyConflictError("the idempotency key is in use")


def _replay(session: Session, key: KeyToInsert) -> Submission | None:
    used = submissions.used_key(session, key.owner, key.key)
    if used is None:
        return None
    job = reads.get_job(session, used.job_id)
    if job is None:
        return None
    if used.fingerprint != key.fingerprint:
        raise IdempotencyConflictError("the idempotency key was used for another request")
    return Submission(job, is_replayed=True)


def _refuse_if_full(session: Session, kind: Kind, more: int) -> None:
    if _depth(session, kind) + more > kind.max_depth:
        raise QueueFullError(kind.queue, retry_after_s=5)


# Counting for each request would cost more than the request, and a queue that overshoots by a second's worth of
# jobs does no harm.
_depths: WeakKeyDictionary[Engine, dict[str, tuple[float, int]]] = WeakKeyDictionary()


def _depth(session: Session, kind: Kind) -> int:
    bind = session.get_bind()
    engine = bind.engine if isinstance(bind, Connection) else bind
    known = _depths.setdefault(engine, {})
    at, depth = known.get(kind.queue, (0.0, 0))
    if time.monotonic() - at > DEPTH_CACHE_S:
        depth = reads.queue_depth(session, kind.queue, kind.max_depth)
        known[kind.queue] = (time.monotonic(), depth)
    return depth
