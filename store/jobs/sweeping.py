"""What the sweeper and retention ask: jobs that were lost, are overdue, or are no longer needed."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.jobs.dispatching import WORKER_SILENCE_S
from store.jobs.models import IS_FINAL, IS_SUSPECT, SUSPECT_CRASHES
from store.jobs.statements import (
    COUNT_DOWN,
    NOTIFY_CHANGED,
    NOTIFY_FREED,
    NOTIFY_QUEUED,
    NOTIFY_STOPPED,
    Transition,
    one_of,
    statement,
)
from store.jobs.transitions import FINISH, QUEUE_AGAIN

SWEEPER_LOCK = 7_305_221_909
"""Only one sweep at a time: two that fail children of the same batches could lock the parents in two orders."""

_LOCK = text(f"SELECT pg_try_advisory_xact_lock({SWEEPER_LOCK})")


def try_lock(session: Session) -> bool:
    """Tell whether this transaction is the only sweep; never waits."""
    return bool(session.execute(_LOCK).scalar_one())


def _lost(condition: str) -> str:
    # In the order of the ids, but not such that an index of all ids seems to be of use for it.
    return f"""lost AS MATERIALIZED (SELECT id FROM jobs WHERE {condition}
        ORDER BY ROW(id) LIMIT :limit FOR UPDATE SKIP LOCKED)"""


PARKED_S = 600
"""How long a suspect waits at most for those before it."""

_LEASE_IS_OVER = "state = 'running' AND pending_children IS NULL AND lease_until < now()"
_RESCUE = statement(
    Transition(
        prelude=_lost(f"{_LEASE_IS_OVER} AND crashes + 1 < :max_crashes"),
        event="'rescued'",
        # A suspect's next crash is its last, and whoever shares a worker with a poison job crashes with it. So
        # suspects are parked, for ``unpark`` to let them run one at a time.
        assign=f"{QUEUE_AGAIN}, crashes = j.crashes + 1, epoch = j.epoch + 1, progress = NULL, run_at = now() +"
        f" CASE WHEN j.crashes + 1 >= {SUSPECT_CRASHES} THEN make_interval(secs => {PARKED_S})"
        " ELSE interval '0' END",
        source="lost",
        guard=one_of("lost"),
        notify=(NOTIFY_CHANGED, NOTIFY_STOPPED, NOTIFY_QUEUED, NOTIFY_FREED),
        detail="jsonb_build_object('crashes', c.crashes)",
        returns="c.id",
    )
)
_CONDEMN = statement(
    Transition(
        prelude=_lost(f"{_LEASE_IS_OVER} AND crashes + 1 >= :max_crashes"),
        event="'failed'",
        assign=f"state = 'failed', crashes = j.crashes + 1, epoch = j.epoch + 1, error = :error, {FINISH}",
        source="lost",
        guard=one_of("lost"),
        notify=(NOTIFY_CHANGED, NOTIFY_STOPPED, NOTIFY_FREED),
        detail="c.error",
        returns="c.id",
        parents=COUNT_DOWN,
    )
)


def rescue(session: Session, max_crashes: int, limit: int = 500) -> int:
    """Queue the jobs again whose worker let the lease run out, and count the crash."""
    return len(_RESCUE.run(session, {"max_crashes": max_crashes, "limit": limit}))


_UNPARK = statement(
    Transition(
        prelude=f"""suspects AS MATERIALIZED (
            SELECT id, queue, state = 'queued' AND run_at > now() AS is_parked FROM jobs WHERE {IS_SUSPECT}),
        free AS MATERIALIZED (
            SELECT j.id FROM (
                SELECT min(id::text)::uuid AS id FROM suspects GROUP BY queue HAVING every(is_parked) ORDER BY 1) s
            CROSS JOIN LATERAL (
                SELECT id FROM jobs WHERE id = s.id AND state IN ('queued', '') LIMIT 1 FOR UPDATE SKIP LOCKED) j)""",
        event=None,
        assign="run_at = now()",
        source="free",
        guard=one_of("free"),
        notify=(NOTIFY_QUEUED,),
        returns="c.id",
    )
)


def unpark(session: Session) -> int:
    """Let one suspect of each queue run, if no other is on its way; return how many were let go."""
    return len(_UNPARK.run(session, {}))


def condemn(session: Session, max_crashes: int, error: dict[str, object], limit: int = 500) -> int:
    """Fail the jobs whose worker was lost for the last time that is allowed."""
    values = {"max_crashes": max_crashes, "error": error, "limit": limit}
    return len(_CONDEMN.run(session, values))


def _redispatch(condition: str) -> Transition:
    return Transition(
        prelude=_lost(f"state = 'dispatched' AND pending_children IS NULL AND {condition}"),
        event="'redispatched'",
        # The count of dispatches is kept: each time a message seems lost, the next is given twice as long.
        assign="state = 'queued', dispatched_at = NULL",
        source="lost",
        guard=one_of("lost"),
        notify=(NOTIFY_CHANGED, NOTIFY_QUEUED, NOTIFY_FREED),
        returns="c.id",
    )


_REDISPATCH_LATE = statement(
    _redispatch(
        "dispatched_at < now() - make_interval(secs => :patience_s * 2 ^ least(dispatches - 1, :max_doublings))"
    )
)
_REDISPATCH_ALL = statement(_redispatch("true"))
_REDISPATCH_QUEUES = statement(_redispatch("queue = ANY(:queues)"))


def redispatch_late(session: Session, patience_s: float, max_doublings: int, limit: int = 500) -> int:
    """Queue the jobs again whose message nobody claimed in time; a message that comes late claims nothing twice."""
    values = {"patience_s": patience_s, "max_doublings": max_doublings, "limit": limit}
    return len(_REDISPATCH_LATE.run(session, values))


def redispatch_all(session: Session, limit: int = 100_000) -> int:
    """Queue every dispatched job again, because the broker has lost its messages."""
    return len(_REDISPATCH_ALL.run(session, {"limit": limit}))


_NOTE_BROKER_LIFE = text("INSERT INTO broker_lives (name) VALUES (:name) ON CONFLICT DO NOTHING RETURNING name")


def note_broker_life(session: Session, name: str) -> bool:
    """Note a life of the broker; tell whether it is a new one, so that what was sent before it is lost."""
    return session.execute(_NOTE_BROKER_LIFE, {"name": name}).first() is not None


_EXPIRE = statement(
    Transition(
        prelude=_lost("deadline <= now() AND deadline IS NOT NULL AND state IN ('queued', 'dispatched')"),
        event="'expired'",
        assign=f"state = 'expired', {FINISH}",
        source="lost",
        guard=one_of("lost"),
        notify=(NOTIFY_CHANGED, NOTIFY_FREED),
        returns="c.id",
        parents=COUNT_DOWN,
    )
)


def expire(session: Session, limit: int = 500) -> int:
    """End the jobs whose deadline passed while they waited."""
    return len(_EXPIRE.run(session, {"limit": limit}))


_BURY_WORKERS = text(f"""
DELETE FROM workers WHERE seen_at < now() - make_interval(secs => {WORKER_SILENCE_S}) RETURNING queues
""")


def bury_workers(session: Session) -> int:
    """Remove silent workers, and queue again what was sent to their queues: they may have held the messages."""
    queues = [queue for (names,) in session.execute(_BURY_WORKERS) for queue in names]
    if queues:
        _REDISPATCH_QUEUES.run(session, {"queues": queues, "limit": 100_000})
    return len(queues)


_PRUNE = text(f"""
WITH old AS MATERIALIZED (SELECT id FROM jobs WHERE kind = :kind AND {IS_FINAL} AND finished_at IS NOT NULL
        AND finished_at < now() - make_interval(secs => :keep_s) AND parent_id IS NULL
        AND NOT EXISTS (SELECT FROM jobs k WHERE k.parent_id = jobs.id AND k.finished_at IS NULL)
        ORDER BY finished_at LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM jobs USING old WHERE jobs.id = old.id RETURNING jobs.id
""")
_PRUNE_KEYS = text("""
WITH old AS MATERIALIZED (SELECT owner, key FROM idempotency_keys
        WHERE created_at < now() - make_interval(secs => :keep_s) LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM idempotency_keys k USING old WHERE k.owner = old.owner AND k.key = old.key RETURNING k.key
""")


def prune(session: Session, kind: str, keep_s: float, limit: int) -> list[UUID]:
    """Delete finished jobs of ``kind`` that ended ``keep_s`` ago, with events and keys; a batch with its children."""
    return list(session.execute(_PRUNE, {"kind": kind, "keep_s": keep_s, "limit": limit}).scalars())


def prune_keys(session: Session, keep_s: float, limit: int) -> int:
    """Delete idempotency keys that were first used ``keep_s`` ago."""
    return len(session.execute(_PRUNE_KEYS, {"keep_s": keep_s, "limit": limit}).all())
