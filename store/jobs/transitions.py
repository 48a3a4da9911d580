"""Every transition that a worker or a caller makes. Each is one statement; none commits.

A function that finds its guard closed changes nothing and returns ``None`` (or ``False``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from store.jobs.records import Job, first_job
from store.jobs.statements import (
    COUNT_DOWN,
    NOTIFY_CHANGED,
    NOTIFY_FREED,
    NOTIFY_QUEUED,
    NOTIFY_STOPPED,
    REOPEN,
    Transition,
    one_of,
    statement,
)
from store.prepared import Executor, Prepared

LEAVE_WORKER = "worker = NULL, lease_until = NULL"
FINISH = f"finished_at = now(), {LEAVE_WORKER}"
QUEUE_AGAIN = f"state = 'queued', dispatches = 0, dispatched_at = NULL, {LEAVE_WORKER}"
# The worker is part of the fence because a claim lost in a crash of the database gives its epoch to the next one.
FENCE = "j.id = :id AND j.epoch = :epoch AND j.worker = :worker AND j.state = 'running'"


@dataclass(frozen=True, slots=True)
class Holder:
    """Who runs a job: the claim's ``epoch`` and ``worker`` are the fence of every later statement about it."""

    id: UUID
    epoch: int
    worker: UUID
    parent_id: UUID | None = None


_CLAIM = statement(
    Transition(
        event="'claimed'",
        assign="state = 'running', attempt = j.attempt + 1, epoch = j.epoch + 1, worker = :worker,"
        " started_at = now(), progress = NULL, lease_until = now() + make_interval(secs => :lease_s)",
        guard="j.id = :id AND j.state IN ('queued', 'dispatched') AND j.run_at <= now()"
        " AND (j.deadline IS NULL OR j.deadline > now())",
        detail="jsonb_build_object('worker', c.worker)",
        # A claim that a crash undoes is claimed anew; the worker in the fence keeps the two apart.
        is_durable=False,
    )
)


def claim(executor: Executor, job_id: UUID, worker: UUID, lease_s: float) -> Job | None:
    """Make a due job the worker's own for ``lease_s`` seconds; ``None`` if it is anything but waiting."""
    return _one(executor, _CLAIM, {"id": job_id, "worker": worker, "lease_s": lease_s})


def _finishing(event: str, assign: str) -> tuple[Prepared, Prepared]:
    """Build a finish for a lone job and for a batch's child; the first is spared the search for a parent."""
    lone, child = (
        statement(
            Transition(
                event=event,
                assign=f"{assign}, {FINISH}",
                guard=FENCE,
                notify=(NOTIFY_CHANGED, NOTIFY_FREED),
                detail="c.error",
                returns="c.id",
                parents=COUNT_DOWN if is_child else "",
            )
        )
        for is_child in (False, True)
    )
    return lone, child


_SUCCEED = _finishing("'succeeded'", "state = 'succeeded', error = NULL, result = :result")
_FAIL = _finishing("'failed'", "state = 'failed', error = :error")


def succeed(executor: Executor, holder: Holder, result: Mapping[str, object]) -> bool:
    """Finish a job with its result; ``False`` when it is no longer the holder's."""
    return _changed(executor, _SUCCEED[holder.parent_id is not None], {**_fence(holder), "result": result})


def fail(executor: Executor, holder: Holder, error: Mapping[str, object]) -> bool:
    """Finish a job that cannot succeed; ``False`` when it is no longer the holder's."""
    return _changed(executor, _FAIL[holder.parent_id is not None], {**_fence(holder), "error": error})


_RETRY_LATER = statement(
    Transition(
        event="'retried'",
        assign=f"{QUEUE_AGAIN}, error = :error, epoch = j.epoch + 1,"
        " run_at = now() + make_interval(secs => :delay_s)",
        guard=FENCE,
        notify=(NOTIFY_CHANGED, NOTIFY_FREED),
        detail="c.error",
        returns="c.id",
    )
)


def retry_later(executor: Executor, holder: Holder, error: Mapping[str, object], delay_s: float) -> bool:
    """Queue a job again after a passing error; ``False`` when it is no longer the holder's."""
    return _changed(executor, _RETRY_LATER, {**_fence(holder), "error": error, "delay_s": delay_s})


# Rows are locked in the order of their ids, as by whoever cancels a batch; otherwise the two could deadlock.
_RELEASE = statement(
    Transition(
        prelude="""held AS MATERIALIZED (
            SELECT j.id FROM (SELECT * FROM jsonb_to_recordset(:held) AS h(id uuid, epoch bigint, worker uuid)
                    ORDER BY id) h CROSS JOIN LATERAL (
                SELECT id FROM jobs WHERE id = h.id AND epoch = h.epoch AND worker = h.worker AND state = 'running'
                LIMIT 1 FOR UPDATE) j)""",
        event="'released'",
        assign=f"{QUEUE_AGAIN}, attempt = j.attempt - 1, epoch = j.epoch + 1, progress = NULL",
        source="held",
        guard=one_of("held"),
        notify=(NOTIFY_CHANGED, NOTIFY_STOPPED, NOTIFY_QUEUED, NOTIFY_FREED),
        returns="c.id",
    )
)


def release(executor: Executor, *holders: Holder) -> int:
    """Queue jobs again that their worker had to leave unfinished, as if these attempts had not been made.

    Returns how many were still their holders'.
    """
    held = [{"id": str(holder.id), "epoch": holder.epoch, "worker": str(holder.worker)} for holder in holders]
    return len(_RELEASE.run(executor, {"held": held}))


_RETURN = statement(
    Transition(
        event="'returned'",
        assign=QUEUE_AGAIN,
        guard="j.id = :id AND j.state = 'dispatched'",
        notify=(NOTIFY_CHANGED, NOTIFY_QUEUED, NOTIFY_FREED),
        returns="c.id",
    )
)


def give_back(executor: Executor, job_id: UUID) -> bool:
    """Queue a dispatched job again because the worker that got its message is about to stop."""
    return _changed(executor, _RETURN, {"id": job_id})


# A running job shows its progress, and whoever follows it is woken; that is no transition and leaves no event.
_PROGRESS = statement(Transition(event=None, assign="progress = :progress", guard=FENCE, returns="c.id"))


def report_progress(executor: Executor, holder: Holder, progress: Mapping[str, object]) -> bool:
    """Show how far a running job is; ``False`` when it is no longer the holder's."""
    return _changed(executor, _PROGRESS, {**_fence(holder), "progress": progress})


_CANCEL = statement(
    Transition(
        event="'cancelled'",
        assign=f"state = 'cancelled', epoch = j.epoch + 1, {FINISH}",
        guard="j.id = :id AND j.pending_children IS NULL AND j.state IN ('queued', 'dispatched', 'running')",
        notify=(NOTIFY_CHANGED, NOTIFY_STOPPED, NOTIFY_FREED),
        parents=COUNT_DOWN,
    )
)


def cancel(executor: Executor, job_id: UUID) -> Job | None:
    """Cancel a job that is not final, whoever holds it; ``None`` if it is final or a batch's parent."""
    return _one(executor, _CANCEL, {"id": job_id})


# Children first, in the order of their ids, then the parent: the order in which everybody locks.
_CANCEL_BATCH = statement(
    Transition(
        prelude=f"""kids AS MATERIALIZED (SELECT k.id FROM jobs k
            WHERE k.parent_id = :id AND k.state IN ('queued', 'dispatched', 'running') ORDER BY k.id FOR UPDATE),
        ended AS (UPDATE jobs k SET state = 'cancelled', epoch = k.epoch + 1, version = k.version + 1, {FINISH}
            FROM kids WHERE k.id = ANY(ARRAY[kids.id]) RETURNING k.*),
        kid_events AS (INSERT INTO job_events (job_id, name, state, attempt)
            SELECT id, 'cancelled', state, attempt FROM ended),
        told AS MATERIALIZED (SELECT count(*) AS n, count({NOTIFY_CHANGED}), count({NOTIFY_STOPPED}),
            count({NOTIFY_FREED}) FROM ended c)""",
        event="'cancelled'",
        assign="state = 'cancelled', epoch = j.epoch + 1, finished_at = now(),"
        " pending_children = greatest(0, j.pending_children - told.n::int)",
        source="told",
        guard="j.id = :id AND j.pending_children IS NOT NULL AND j.state = 'running'",
    )
)


def cancel_batch(executor: Executor, parent_id: UUID) -> Job | None:
    """Cancel a batch's parent and every child that is not final; ``None`` if it is no running parent."""
    return _one(executor, _CANCEL_BATCH, {"id": parent_id})


_RERUN = statement(
    Transition(
        event="'rerun'",
        assign=f"{QUEUE_AGAIN}, attempt = 0, crashes = 0, epoch = j.epoch + 1, run_at = now(), deadline = NULL,"
        " started_at = NULL, finished_at = NULL, progress = NULL, error = NULL",
        guard="j.id = :id AND j.state = 'failed'",
        notify=(NOTIFY_CHANGED, NOTIFY_QUEUED),
        parents=REOPEN,
    )
)


def rerun(executor: Executor, job_id: UUID) -> Job | None:
    """Queue a failed job as if it were new; ``None`` if it did not fail. A batch that had it is open again."""
    return _one(executor, _RERUN, {"id": job_id})


_FOLLOW = Prepared("UPDATE jobs SET is_followed = true WHERE id = :id AND NOT is_followed RETURNING id")


def follow(executor: Executor, job_id: UUID) -> None:
    """Have every change of a job told from now on, not only its end."""
    _FOLLOW.run(executor, {"id": job_id})


def _fence(holder: Holder) -> dict[str, object]:
    return {"id": holder.id, "epoch": holder.epoch, "worker": holder.worker}


def _one(executor: Executor, sql: Prepared, parameters: Mapping[str, object]) -> Job | None:
    return first_job(sql.run(executor, parameters))


def _changed(executor: Executor, sql: Prepared, parameters: Mapping[str, object]) -> bool:
    return bool(sql.run(executor, parameters))
