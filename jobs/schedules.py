"""Submit what is due by the clock. Any number of processes may tick at any time; each fire happens once."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from jobs.kinds import kind_named
from jobs.model import Priority
from store import schedules
from store.db import transactions
from store.jobs.submissions import JobToInsert, insert_jobs
from store.schedules import DueSchedule, Schedule

MAX_FIRES = 1000
"""More missed fires than this are left to the next tick."""

SYSTEM_OWNER = "system"
SCHEDULES = (
    # Proves every minute that a job which was submitted gets finished.
    Schedule(name="canary", kind="canaries", owner=SYSTEM_OWNER, every=timedelta(minutes=1), payload={}),
    # What Redis knows of drivers is made again, and no search is left without a tick.
    Schedule(
        name="rides_heal", kind="ride_matches", owner=SYSTEM_OWNER, every=timedelta(minutes=1), payload={"do": "heal"}
    ),
    # Whoever missed that something was published is told again, if what the pointer names is whole.
    Schedule(
        name="questions_refresh",
        kind="content_sets",
        owner=SYSTEM_OWNER,
        every=timedelta(minutes=30),
        payload={"set": "questions"},
    ),
    Schedule(
        name="titles_refresh",
        kind="content_sets",
        owner=SYSTEM_OWNER,
        every=timedelta(days=1),
        payload={"set": "titles"},
    ),
    # What was published is at the edge even where a POP slept through that.
    Schedule(
        name="edge_questions",
        kind="cache_refreshes",
        owner=SYSTEM_OWNER,
        every=timedelta(minutes=30),
        payload={"do": "set", "set": "questions"},
    ),
    Schedule(
        name="edge_titles",
        kind="cache_refreshes",
        owner=SYSTEM_OWNER,
        every=timedelta(days=1),
        payload={"do": "set", "set": "titles"},
    ),
    # POPs are asked whether they still hold what they should, and given what they lack.
    Schedule(
        name="edge_verify",
        kind="cache_refreshes",
        owner=SYSTEM_OWNER,
        every=timedelta(minutes=10),
        payload={"do": "verify"},
    ),
    # POPs are asked for their counters, and those that are back are given what they missed.
    Schedule(
        name="edge_reconcile",
        kind="cache_refreshes",
        owner=SYSTEM_OWNER,
        every=timedelta(minutes=1),
        payload={"do": "reconcile"},
    ),
    # What is cached of users is made anew, whatever a server could not tell the cache.
    Schedule(
        name="metadata_refresh",
        kind="cache_refreshes",
        owner=SYSTEM_OWNER,
        every=timedelta(days=1),
        payload={"do": "metadata"},
    ),
    # What POPs are to hold is decided anew once their window has opened, so that only has to be noticed.
    Schedule(
        name="edge_populate",
        kind="cache_refreshes",
        owner=SYSTEM_OWNER,
        every=timedelta(minutes=10),
        payload={"do": "populate", "which": "due"},
    ),
)


def install(engine: Engine, wanted: Sequence[Schedule] = SCHEDULES) -> None:
    """Write the platform's schedules; those that exist keep their next fire."""
    with transactions(engine).begin() as session:
        for schedule in wanted:
            schedules.ensure(session, schedule)


def tick(engine: Engine) -> int:
    """Submit every fire that is due and return their number.

    A schedule's row is locked while its fires are written, and a fire's time is unique for its schedule.
    """
    fired = 0
    with transactions(engine).begin() as session:
        for due in schedules.lock_due(session):
            fires = min(due.missed, MAX_FIRES) if due.schedule.catchup == "all" else due.missed
            fired += len(insert_jobs(session, _jobs(due, fires)))
            schedules.advance(session, due.schedule.name, fires)
    return fired


def _jobs(due: DueSchedule, fires: int) -> list[JobToInsert]:
    schedule = due.schedule
    kind = kind_named(schedule.kind)
    first = 0 if schedule.catchup == "all" else fires - 1
    return [
        JobToInsert(
            id=uuid7(),
            kind=kind.name,
            queue=kind.queue,
            owner=schedule.owner,
            payload=schedule.payload,
            priority=int(Priority.INTERACTIVE),
            max_attempts=kind.max_attempts,
            schedule_name=schedule.name,
            fire_at=due.next_at + schedule.every * place,
        )
        for place in range(first, fires)
    ]
