"""The one builder of transitions: a guarded UPDATE, its event and its notifications as a single statement.

A statement is all or nothing and takes one round trip, so a transition can neither lose its event nor wake anybody
before it is visible. The guard in the UPDATE's own WHERE refuses whatever the job's present state forbids.
"""

from __future__ import annotations

from dataclasses import dataclass

from store.jobs.channels import CHANGED, FREED, QUEUED, STOPPED
from store.jobs.records import job_columns
from store.prepared import Prepared

NOTIFY_CHANGED = (
    f"CASE WHEN c.is_followed OR c.finished_at IS NOT NULL"
    f" THEN pg_notify('{CHANGED}', c.id::text || ' ' || c.state) END"
)
NOTIFY_QUEUED = f"pg_notify('{QUEUED}', c.queue)"
NOTIFY_FREED = f"pg_notify('{FREED}', c.queue)"
NOTIFY_STOPPED = f"pg_notify('{STOPPED}', c.id::text || ' ' || c.epoch)"


def one_of(table: str) -> str:
    """Return the guard that ``j`` is a row of ``table``, by its id.

    With ``j.id = table.id`` a plan may walk all jobs in the order of their ids and compare. That is right while the
    table is small, but plans are kept. This condition has no such plan: each id is looked up.
    """
    return f"j.id = ANY(ARRAY[{table}.id])"


@dataclass(frozen=True, slots=True)
class Transition:
    """One way in which jobs change.

    ``event`` is an SQL expression over the changed row ``c``, mostly a literal (``None``: not worth an event).
    ``source`` and ``guard`` choose the rows ``j``; ``assign`` changes them. ``notify`` lists the calls of
    ``pg_notify``. ``parents`` is the CTE of that name which tells the changed jobs' batches, if that is needed.
    ``rows`` is what the answer is read from. What is not ``is_durable`` commits without waiting for the disk: a crash
    of the server may undo it, and it is done again then.
    """

    event: str | None
    assign: str
    guard: str
    prelude: str = ""
    source: str = ""
    notify: tuple[str, ...] = (NOTIFY_CHANGED,)
    detail: str = "NULL::jsonb"
    returns: str = job_columns("c")
    parents: str = ""
    rows: str = "changed c"
    is_durable: bool = True


def statement(transition: Transition) -> Prepared:
    """Build the statement that makes ``transition``."""
    parts = [transition.prelude] if transition.prelude else []
    source = f"FROM {transition.source}" if transition.source else ""
    parts.append(
        f"changed AS (UPDATE jobs j SET {transition.assign}, version = j.version + 1 {source}"
        f" WHERE {transition.guard} RETURNING j.*)"
    )
    if transition.event:
        parts.append(
            "events AS (INSERT INTO job_events (job_id, name, state, attempt, detail)"
            f" SELECT c.id, {transition.event}, c.state, c.attempt, {transition.detail} FROM changed c)"
        )
    told = ""
    if transition.parents:
        parts.append(transition.parents)
        told = f", (SELECT count({NOTIFY_CHANGED}) FROM parents c) AS parents_told"
    notify = "".join(f", {call}" for call in transition.notify)
    if not transition.is_durable:
        notify += ", set_config('synchronous_commit', 'off', true)"
    return Prepared(f"WITH {', '.join(parts)} SELECT {transition.returns}{notify}{told} FROM {transition.rows}")


# The join makes each parent wait for its children's rows, which keeps the order of locks: children, then parent.
# Of two children that end at once the second waits for the first's parent row and then counts from its new value.
# ``one_of`` says why it is no plain equation.
COUNT_DOWN = """parents AS (
    UPDATE jobs j SET pending_children = j.pending_children - n.ended, version = j.version + 1,
        state = CASE WHEN j.pending_children = n.ended THEN 'succeeded' ELSE j.state END,
        finished_at = CASE WHEN j.pending_children = n.ended THEN now() END
    FROM (SELECT parent_id, count(*) AS ended FROM changed
           WHERE parent_id IS NOT NULL AND finished_at IS NOT NULL GROUP BY parent_id) n
    WHERE j.id = ANY(ARRAY[n.parent_id]) AND j.state = 'running'
    RETURNING j.*),
parent_events AS (INSERT INTO job_events (job_id, name, state, attempt)
    SELECT c.id, 'succeeded', c.state, c.attempt FROM parents c WHERE c.state = 'succeeded')"""

# A batch one of whose children runs again is not finished any more.
REOPEN = """parents AS (
    UPDATE jobs j SET pending_children = j.pending_children + 1, version = j.version + 1, state = 'running',
        finished_at = NULL
    FROM changed WHERE j.id = ANY(ARRAY[changed.parent_id]) AND j.state IN ('running', 'succeeded')
    RETURNING j.*),
parent_events AS (INSERT INTO job_events (job_id, name, state, attempt)
    SELECT c.id, 'reopened', c.state, c.attempt FROM parents c WHERE c.pending_children = 1)"""
