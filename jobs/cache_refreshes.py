"""Begin refreshes of what POPs hold, and see to it that each of them comes to an end.

A refresh, its targets and the jobs that work on them, one for each POP, are written in one transaction. Which job may
work on a target is said by the target, so any job may come twice, or late. All functions need a real transaction.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from domain.cache_refreshes.model import Mode, NewRefresh, TargetState
from domain.cache_refreshes.planning import Which
from jobs import submit
from jobs.model import NewJob, Priority
from jobs.schedules import SYSTEM_OWNER
from jobs.submit import Idempotency
from store import cache_refreshes
from store.cache_refreshes import Refresh, Target
from store.jobs import reads
from store.jobs.records import Job

KIND = "cache_refreshes"
MAX_RESTARTED = 100
"""How many targets a POP that is back is given at one time."""


@dataclass(frozen=True, slots=True)
class Order:
    """By whose request a refresh is begun, as its jobs know it, and when they are due; ``None``: at once."""

    owner: str = SYSTEM_OWNER
    idempotency: Idempotency | None = None
    request_id: str | None = None
    run_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The refresh that a request began, or (``is_replayed``) that an earlier request with the same key had begun."""

    refresh: Refresh
    is_replayed: bool


def begin(session: Session, new: NewRefresh, pops: Sequence[str], order: Order | None = None) -> Begun:
    """Begin a refresh on some POPs.

    Raises:
        QueueFullError: too many jobs wait already.
        IdempotencyConflictError: the key belongs to another request.
    """
    order = order or Order()
    refresh_id = uuid7()
    new_jobs = [_job(order, refresh_id, pop, new.mode, order.run_at) for pop in pops]
    submission = submit.submit_batch(session, new_jobs, order.idempotency)
    if submission.is_replayed:
        return Begun(_of_job(session, submission.job.id), is_replayed=True)
    refresh = cache_refreshes.insert(session, refresh_id, new, submission.job.id)
    # In the order in which they were given.
    children = reads.child_states(session, submission.job.id)
    cache_refreshes.insert_targets(session, refresh_id, list(zip(pops, children, strict=True)))
    return Begun(refresh, is_replayed=False)


def find_replay(session: Session, owner: str, idempotency: Idempotency) -> Begun | None:
    """Return the refresh that an earlier request with this key began.

    Raises:
        IdempotencyConflictError: the key belongs to another request.
    """
    submission = submit.find_replay(session, owner, idempotency)
    return None if submission is None else Begun(_of_job(session, submission.job.id), is_replayed=True)


def begin_unless_waiting(
    session: Session, new: NewRefresh, pops: Sequence[str], order: Order | None = None
) -> Refresh | None:
    """Begin a refresh on those POPs for which the same does not wait already; ``None``: it does on all.

    One that waits will look at what is right when its time comes; one that runs may have looked before it became so.
    """
    waiting = cache_refreshes.pops_with(session, new, (TargetState.QUEUED, TargetState.DEFERRED))
    others = [pop for pop in pops if pop not in waiting]
    return begin(session, new, others, order).refresh if others else None


def hand_on(session: Session, target: Target, mode: Mode, run_at: datetime | None, owner: str = SYSTEM_OWNER) -> bool:
    """Leave a target to a new job, due at ``run_at`` or at once; ``False``: it was not the job's that had it."""
    job = _job(Order(owner), target.refresh_id, target.pop, mode, run_at)
    return cache_refreshes.hand_on(session, target, submit.submit(session, job).job.id)


def restart_deferred(session: Session, pop: str) -> int:
    """Submit again what was put off because a POP was away, the oldest first; return how much that is."""
    targets = cache_refreshes.lock_deferred(session, pop, MAX_RESTARTED)
    # Whatever their mode, they have waited for longer than what comes now.
    return sum(hand_on(session, target, Mode.SOFT, None) for target in targets)


def bring_forward(session: Session, pop: str) -> None:
    """Submit again what waits for a POP's window or rate, which are others now; it may wait for those then."""
    for target in cache_refreshes.lock_not_due(session, pop, MAX_RESTARTED):
        hand_on(session, target, Mode.FILL, None)


def request_verification(session: Session, pop: str) -> None:
    """Have a POP asked soon for all that it should hold."""
    submit.submit(session, NewJob(KIND, SYSTEM_OWNER, {"do": "verify", "pop": pop}))


def request_population(session: Session, which: Which, reason: str, order: Order | None = None) -> Job:
    """Have it decided soon what POPs are to hold of the videos; the order's owner is on record with what follows.

    Raises:
        QueueFullError: too many jobs wait already.
    """
    order = order or Order()
    payload: dict[str, object] = {"do": "populate", "which": which, "by": order.owner, "reason": reason}
    new = NewJob(KIND, order.owner, payload, run_at=order.run_at, request_id=order.request_id)
    return submit.submit(session, new).job


def _job(order: Order, refresh_id: UUID, pop: str, mode: Mode, run_at: datetime | None = None) -> NewJob:
    # A fill may be of any size, and nobody waits for it.
    priority = Priority.BATCH if mode is Mode.FILL else Priority.INTERACTIVE
    payload: dict[str, object] = {"do": "refresh", "refresh": str(refresh_id), "pop": pop}
    return NewJob(KIND, order.owner, payload, priority, run_at, request_id=order.request_id)


def _of_job(session: Session, job_id: UUID) -> Refresh:
    refresh = cache_refreshes.find_of_job(session, job_id)
    if refresh is None:
        # The key made a job of another kind.
        raise submit.IdempotencyConflictError("the idempotency key was used for another request")
    return refresh
