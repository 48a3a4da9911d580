"""Schedules in the database: which are due, and what they fired."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session


@dataclass(frozen=True, slots=True)
class Schedule:
    """A job to be submitted every ``every``; ``ScheduleRow`` says what its fields mean."""

    name: str
    kind: str
    owner: str
    every: timedelta
    payload: dict[str, object]
    catchup: str = "latest"


@dataclass(frozen=True, slots=True)
class DueSchedule:
    """A schedule whose row is locked; ``missed`` fires lie between ``next_at`` (included) and now."""

    schedule: Schedule
    next_at: datetime
    missed: int


_ENSURE = text("""
INSERT INTO schedules (name, kind, owner, payload, every, catchup)
VALUES (:name, :kind, :owner, :payload, :every, :catchup)
ON CONFLICT (name) DO UPDATE SET kind = excluded.kind, owner = excluded.owner, payload = excluded.payload,
    every = excluded.every, catchup = excluded.catchup
""").bindparams(bindparam("payload", type_=JSONB))
_DUE = text("""
SELECT name, kind, owner, payload, every, catchup, next_at,
    1 + floor(extract(epoch FROM now() - next_at) / extract(epoch FROM every))::int AS missed
FROM schedules WHERE is_enabled AND next_at <= now() FOR UPDATE SKIP LOCKED
""")
_ADVANCE = text("UPDATE schedules SET next_at = next_at + every * :fires WHERE name = :name")
_ENABLE = text("UPDATE schedules SET is_enabled = :is_enabled WHERE name = :name RETURNING name")


def ensure(session: Session, schedule: Schedule) -> None:
    """Write a schedule; one that exists keeps its next fire."""
    values = {name: getattr(schedule, name) for name in ("name", "kind", "owner", "payload", "every", "catchup")}
    session.execute(_ENSURE, values)


def lock_due(session: Session) -> list[DueSchedule]:
    """Return the schedules that are due and lock them until the transaction ends; others' locks are skipped."""
    return [
        DueSchedule(
            Schedule(row.name, row.kind, row.owner, row.every, row.payload, row.catchup), row.next_at, row.missed
        )
        for row in session.execute(_DUE)
    ]


def advance(session: Session, name: str, fires: int) -> None:
    """Move a schedule's next fire on by ``fires`` periods."""
    session.execute(_ADVANCE, {"name": name, "fires": fires})


def set_enabled(session: Session, name: str, *, is_enabled: bool) -> bool:
    """Switch a schedule on or off; ``False`` if there is none of that name."""
    return session.execute(_ENABLE, {"name": name, "is_enabled": is_enabled}).first() is not None
