"""What the dispatcher asks: which queued jobs go to the workers next."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, cast
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.jobs.models import IS_IN_FLIGHT
from store.jobs.statements import NOTIFY_CHANGED, NOTIFY_FREED, Transition, one_of, statement
from store.prepared import Executor

OWNERS_PER_ROUND = 64
WORKER_SILENCE_S = 15.0
"""A worker process that has not been heard of for this long counts as dead."""


@dataclass(frozen=True, slots=True)
class Picked:
    """A job that was just marked as dispatched. ``owner`` is where the next pick's round begins."""

    id: UUID
    owner: str


@dataclass(frozen=True, slots=True)
class Pick:
    """The jobs of one pick, the next to be run first.

    ``has_left``: more may wait than were picked. ``is_full``: there is no room for more.
    """

    jobs: list[Picked]
    has_left: bool
    is_full: bool


@dataclass(frozen=True, slots=True)
class Window:
    """How many jobs of ``queue`` may be with the workers: ``per_slot`` for each slot of those that live.

    One pick takes at most ``max_jobs``.
    """

    queue: str
    per_slot: float
    max_jobs: int


class _PickedRow(NamedTuple):
    id: UUID
    owner: str
    priority: int
    run_at: datetime


# Reads a handful of index entries however long the queue is: it skips from one owner to the next (a "loose index
# scan", https://wiki.postgresql.org/wiki/Loose_indexscan), takes at most the room of each, stops after ``owners``.
# The round begins behind the owner who was served last, so that with more owners than that everybody's turn comes.
# The odd test of the state in "chosen" keeps the planner from reading the index of all queued jobs there, the limit
# from reading all jobs: a plan that was made while the table was small would do so for as long as it is kept.
# A wide window is filled again when it is half empty, not job by job; the slots are busy meanwhile.
# An owner's n-th candidate ranks behind every job that would be another owner's (n-1)-th in flight. Rows are locked
# only after ranking, and what another dispatcher has taken by then is skipped.
_CANDIDATES = f"""RECURSIVE
slots AS MATERIALIZED (
    SELECT sum(slots) AS slots FROM workers
    WHERE :queue = ANY(queues) AND seen_at > now() - make_interval(secs => {WORKER_SILENCE_S})
        AND NOT EXISTS (SELECT FROM queues WHERE name = :queue AND is_paused)),
busy AS MATERIALIZED (
    SELECT owner, count(*) AS jobs FROM jobs WHERE queue = :queue AND {IS_IN_FLIGHT} GROUP BY owner),
room AS MATERIALIZED (
    SELECT CASE WHEN b.jobs <= greatest(2 * s.slots, ceil(s.slots * :window_per_slot) / 2)
        THEN least(:max_jobs, greatest(0, ceil(s.slots * :window_per_slot) - b.jobs))::bigint ELSE 0 END AS jobs
    FROM slots s, (SELECT coalesce(sum(jobs), 0) AS jobs FROM busy) b),
levels AS (
    (SELECT priority FROM jobs WHERE queue = :queue AND state = 'queued'
        AND (SELECT jobs FROM room) > 0 ORDER BY priority LIMIT 1)
    UNION ALL
    SELECT (SELECT j.priority FROM jobs j WHERE j.queue = :queue AND j.state = 'queued' AND j.priority > l.priority
             ORDER BY j.priority LIMIT 1)
    FROM levels l WHERE l.priority IS NOT NULL),
turns AS (
    SELECT l.priority, o.owner FROM levels l CROSS JOIN LATERAL (
        WITH RECURSIVE round (owner, is_second) AS (
            (SELECT CAST(:last_owner AS text), false)
            UNION ALL
            SELECT n.owner, r.is_second OR n.is_second FROM round r CROSS JOIN LATERAL (
                (SELECT j.owner, false AS is_second FROM jobs j WHERE j.queue = :queue AND j.state = 'queued'
                    AND j.priority = l.priority AND j.owner > r.owner
                    AND (NOT r.is_second OR j.owner <= :last_owner) ORDER BY j.owner LIMIT 1)
                UNION ALL
                (SELECT j.owner, true FROM jobs j WHERE j.queue = :queue AND j.state = 'queued'
                    AND j.priority = l.priority AND NOT r.is_second AND j.owner <= :last_owner
                    ORDER BY j.owner LIMIT 1)
                LIMIT 1) n)
        SELECT round.owner FROM round OFFSET 1 LIMIT :owners) o
    WHERE l.priority IS NOT NULL),
candidates AS (
    SELECT j.id, t.priority, j.run_at, coalesce(b.jobs, 0) + j.place AS rank
    FROM turns t LEFT JOIN busy b ON b.owner = t.owner CROSS JOIN LATERAL (
        SELECT w.id, w.run_at, row_number() OVER (ORDER BY w.run_at, w.id) AS place FROM (
            SELECT id, run_at FROM jobs WHERE queue = :queue AND state = 'queued' AND priority = t.priority
                AND owner = t.owner AND run_at <= now() ORDER BY run_at, id LIMIT (SELECT jobs FROM room)) w) j
    ORDER BY t.priority, rank, j.run_at LIMIT (SELECT jobs FROM room)),
chosen AS MATERIALIZED (
    SELECT j.id FROM candidates c CROSS JOIN LATERAL (
        SELECT id FROM jobs WHERE id = c.id AND state IN ('queued', '') LIMIT 1 FOR UPDATE SKIP LOCKED) j)"""

_PICK = statement(
    Transition(
        prelude=_CANDIDATES,
        event="'dispatched'",
        assign="state = 'dispatched', dispatched_at = now(), dispatches = j.dispatches + 1",
        source="chosen",
        guard=one_of("chosen"),
        # One row that tells the room when nothing was picked.
        rows="room LEFT JOIN changed c ON true",
        returns="room.jobs AS room, c.id, c.owner, c.priority, c.run_at",
    )
)

_UNPICK = statement(
    Transition(
        event="'unsent'",
        assign="state = 'queued', dispatches = j.dispatches - 1, dispatched_at = NULL",
        guard="j.id = ANY(:ids) AND j.state = 'dispatched'",
        notify=(NOTIFY_CHANGED,),
        returns="c.id",
    )
)

_NEXT_DUE = text("""
SELECT extract(epoch FROM min(run_at) - now())::float FROM jobs
WHERE state = 'queued' AND run_at > now()
""")

_PAUSE = text(f"""
WITH changed AS (INSERT INTO queues (name, is_paused) VALUES (:queue, :is_paused)
    ON CONFLICT (name) DO UPDATE SET is_paused = excluded.is_paused, changed_at = now() RETURNING name AS queue)
SELECT {NOTIFY_FREED} FROM changed c
""")
_PAUSED = text("SELECT name FROM queues WHERE is_paused ORDER BY name")


def pick(executor: Executor, window: Window, last_owner: str = "") -> Pick:
    """Mark the due jobs of a queue that fit into its window as dispatched.

    Strictly by priority, then fairly between owners: whoever has least in flight comes first.
    """
    parameters = {
        "queue": window.queue,
        "window_per_slot": window.per_slot,
        "max_jobs": window.max_jobs,
        "last_owner": last_owner,
        "owners": OWNERS_PER_ROUND,
    }
    rows = _PICK.run(executor, parameters)
    room = cast("int", rows[0][0])
    picked = [_PickedRow._make(row[1:5]) for row in rows if row[1] is not None]
    places: Counter[str] = Counter()
    turns = []
    for row in sorted(picked, key=lambda row: (row.priority, row.run_at, row.id)):
        places[row.owner] += 1
        turns.append((row.priority, places[row.owner], row.run_at, Picked(row.id, row.owner)))
    jobs = [job for *_, job in sorted(turns, key=lambda turn: turn[:3])]
    return Pick(jobs, has_left=len(jobs) >= min(room, OWNERS_PER_ROUND), is_full=len(jobs) >= room)


def unpick(executor: Executor, job_ids: Sequence[UUID]) -> int:
    """Queue jobs again that could not be sent; return how many still waited."""
    return len(_UNPICK.run(executor, {"ids": list(job_ids)}))


def seconds_to_next_due(executor: Executor) -> float | None:
    """Return when the next job that is queued for later becomes due."""
    value = executor.execute(_NEXT_DUE).scalar_one()
    return None if value is None else float(value)


def set_paused(session: Session, queue: str, *, is_paused: bool) -> None:
    """Stop or resume the dispatch of a queue; what workers hold already goes on."""
    session.execute(_PAUSE, {"queue": queue, "is_paused": is_paused}).all()


def paused_queues(session: Session) -> list[str]:
    """Return the names of the queues that are paused."""
    return list(session.execute(_PAUSED).scalars())
