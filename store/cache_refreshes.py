"""Cache refreshes: who asked for what and why (the audit), and how far each is on each POP."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Row, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.cache_refreshes.model import Mode, NewRefresh, Scope, TargetState, scope_from_json
from store.db import Base

Moment = DateTime(timezone=True)
IS_OPEN = "state IN ('queued', 'running', 'deferred')"
KEEP_DAYS = 400
"""How long it stays on record who purged what."""
KEEP_SYSTEM_DAYS = 14
SYSTEM = "system"


class CacheRefreshRow(Base):
    """A refresh that somebody asked for: the record of it is never changed. ``job_id`` is the batch that began it."""

    __tablename__ = "cache_refreshes"

    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True)
    requested_by: Mapped[str] = mapped_column(TEXT)
    reason: Mapped[str] = mapped_column(TEXT)
    mode: Mapped[str] = mapped_column(TEXT)
    selection: Mapped[dict[str, object]] = mapped_column(JSONB)
    is_now: Mapped[bool]
    # No foreign key: the jobs' retention deletes them whenever it likes.
    job_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))

    __table_args__ = (
        CheckConstraint("mode IN ('soft', 'hard', 'fill')", name="mode"),
        Index("cache_refreshes_job_id_key", "job_id", unique=True),
    )


class CacheRefreshTargetRow(Base):
    """A refresh on one POP.

    ``job_id`` is the job that has the right to work on it; another one finds that it has not. ``purged_at``: the POP
    was told to forget, which is not done twice. ``removed`` is how many copies that took, ``filled`` how many objects
    were fetched and ``verified`` how many proven; after a hard purge, how many were proven to be gone.
    """

    __tablename__ = "cache_refresh_targets"

    refresh_id: Mapped[UUID] = mapped_column(ForeignKey("cache_refreshes.id", ondelete="CASCADE"), primary_key=True)
    # No foreign key: what was done with a POP stays on record when the POP is gone.
    pop: Mapped[str] = mapped_column(TEXT, primary_key=True)
    state: Mapped[str] = mapped_column(TEXT, server_default=text("'queued'"))
    job_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True))
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    removed: Mapped[int] = mapped_column(server_default=text("0"))
    filled: Mapped[int] = mapped_column(server_default=text("0"))
    verified: Mapped[int] = mapped_column(server_default=text("0"))
    bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    last_error: Mapped[str | None] = mapped_column(TEXT)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    purged_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (
        CheckConstraint("state IN ('queued', 'running', 'done', 'deferred', 'failed')", name="state"),
        CheckConstraint("(state IN ('done', 'failed')) = (finished_at IS NOT NULL)", name="finished"),
        Index("cache_refresh_targets_open_idx", "pop", "refresh_id", postgresql_where=text(IS_OPEN)),
    )


@dataclass(frozen=True, slots=True)
class Refresh:
    """A refresh as it is on record."""

    id: UUID
    by: str
    reason: str
    mode: Mode
    scope: Scope
    is_now: bool
    job_id: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Target:
    """A refresh on one POP; ``CacheRefreshTargetRow`` says what the fields mean."""

    refresh_id: UUID
    pop: str
    state: TargetState
    job_id: UUID
    attempts: int
    removed: int
    filled: int
    verified: int
    bytes: int
    last_error: str | None
    started_at: datetime | None
    purged_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Counted:
    """What some work on a target adds to its counts."""

    filled: int = 0
    verified: int = 0
    bytes: int = 0


_COLUMNS = "id, requested_by, reason, mode, selection, is_now, job_id, created_at"
_TARGET_COLUMNS = (
    "refresh_id, pop, state, job_id, attempts, removed, filled, verified, bytes, last_error, started_at, purged_at,"
    " finished_at"
)
_INSERT = text(f"""
INSERT INTO cache_refreshes (id, requested_by, reason, mode, selection, is_now, job_id)
VALUES (:id, :by, :reason, :mode, :selection, :is_now, :job_id) RETURNING {_COLUMNS}
""").bindparams(bindparam("selection", type_=JSONB))
_INSERT_TARGET = text(
    "INSERT INTO cache_refresh_targets (refresh_id, pop, job_id) VALUES (:refresh_id, :pop, :job_id)"
)
_ONE = text(f"SELECT {_COLUMNS} FROM cache_refreshes WHERE id = :id")
_OF_JOB = text(f"SELECT {_COLUMNS} FROM cache_refreshes WHERE job_id = :job_id")
_TARGETS = text(
    f"SELECT {_TARGET_COLUMNS} FROM cache_refresh_targets WHERE refresh_id = ANY(:ids) ORDER BY refresh_id, pop"
)
# Whoever comes with another job's id comes late, or was replaced; one that is done stays that.
_BEGIN = text(f"""
UPDATE cache_refresh_targets SET state = 'running', attempts = attempts + 1, finished_at = NULL,
    started_at = coalesce(started_at, now())
WHERE refresh_id = :id AND pop = :pop AND job_id = :job_id AND state <> 'done' RETURNING {_TARGET_COLUMNS}
""")
_NOTE_PURGED = text("""
UPDATE cache_refresh_targets SET purged_at = now(), removed = removed + :removed
WHERE refresh_id = :id AND pop = :pop AND job_id = :job_id
""")
_ADD_COUNTS = text("""
UPDATE cache_refresh_targets SET filled = filled + :filled, bytes = bytes + :bytes, verified = :verified
WHERE refresh_id = :id AND pop = :pop AND job_id = :job_id
""")
_NOTE_ERROR = text("""
UPDATE cache_refresh_targets SET state = 'queued', last_error = :error
WHERE refresh_id = :id AND pop = :pop AND job_id = :job_id AND state = 'running'
""")
_END = text("""
UPDATE cache_refresh_targets SET state = :state, last_error = :error,
    finished_at = CASE WHEN :state IN ('done', 'failed') THEN now() END
WHERE refresh_id = :id AND pop = :pop AND job_id = :job_id AND state = 'running' RETURNING pop
""")
_HAND_ON = text("""
UPDATE cache_refresh_targets SET state = 'queued', job_id = :next_job_id
WHERE refresh_id = :id AND pop = :pop AND job_id = :job_id AND state IN ('queued', 'running', 'deferred')
RETURNING pop
""")
_DEFERRED = text(f"""
SELECT {_TARGET_COLUMNS} FROM cache_refresh_targets WHERE pop = :pop AND state = 'deferred'
    AND {IS_OPEN} ORDER BY refresh_id LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_NOT_DUE = text(f"""
SELECT {_TARGET_COLUMNS} FROM cache_refresh_targets t WHERE pop = :pop AND state = 'queued' AND {IS_OPEN}
    AND EXISTS (SELECT FROM jobs j WHERE j.id = t.job_id AND j.state = 'queued' AND j.run_at > now())
ORDER BY refresh_id LIMIT :limit FOR UPDATE SKIP LOCKED
""")
# What was purged already does not wait: what the POP fetched since, nobody would have it forget.
_WAITING = text(f"""
SELECT t.pop FROM cache_refresh_targets t JOIN cache_refreshes r ON r.id = t.refresh_id
WHERE t.{IS_OPEN} AND t.state = ANY(:states) AND t.purged_at IS NULL AND r.selection = :selection AND r.mode = :mode
""").bindparams(bindparam("selection", type_=JSONB))
# A job that ended well has ended its target in the same transaction.
_FAIL_ORPHANS = text(f"""
UPDATE cache_refresh_targets t SET state = 'failed', finished_at = now(),
    last_error = coalesce((SELECT coalesce(j.error->>'message', 'its job was ' || j.state) FROM jobs j
        WHERE j.id = t.job_id), 'its job is gone')
WHERE t.{IS_OPEN} AND t.state IN ('queued', 'running')
    AND NOT EXISTS (SELECT FROM jobs j WHERE j.id = t.job_id AND j.finished_at IS NULL) RETURNING t.pop
""")
_FAIL_OF_GONE_POPS = text(f"""
UPDATE cache_refresh_targets t SET state = 'failed', finished_at = now(), last_error = 'the POP was removed'
WHERE t.{IS_OPEN} AND t.state = 'deferred' AND NOT EXISTS (SELECT FROM pops p WHERE p.name = t.pop) RETURNING t.pop
""")
_FOLDERS = text(f"""
SELECT t.pop, r.selection->>'prefix' AS folder FROM cache_refresh_targets t
JOIN cache_refreshes r ON r.id = t.refresh_id WHERE t.{IS_OPEN} AND r.reason = :reason
""")
_WITHDRAW = text(f"""
WITH found AS (SELECT t.refresh_id, t.pop FROM jsonb_to_recordset(:rows) AS g(pop text, folder text)
    JOIN cache_refresh_targets t ON t.pop = g.pop AND t.{IS_OPEN} AND t.state IN ('queued', 'deferred')
    JOIN cache_refreshes r ON r.id = t.refresh_id AND r.reason = :reason
        AND starts_with(g.folder, r.selection->>'prefix')),
locked AS (SELECT refresh_id, pop FROM cache_refresh_targets WHERE (refresh_id, pop) IN (SELECT * FROM found)
    ORDER BY refresh_id, pop FOR UPDATE)
UPDATE cache_refresh_targets t SET state = 'done', finished_at = now(), last_error = 'it was withdrawn'
FROM locked WHERE t.refresh_id = locked.refresh_id AND t.pop = locked.pop AND t.state IN ('queued', 'deferred')
""").bindparams(bindparam("rows", type_=JSONB))
_PRUNE = text(f"""
DELETE FROM cache_refreshes r WHERE r.created_at < now() - CASE WHEN r.requested_by = '{SYSTEM}'
    THEN interval '{KEEP_SYSTEM_DAYS} days' ELSE interval '{KEEP_DAYS} days' END
    AND NOT EXISTS (SELECT FROM cache_refresh_targets t WHERE t.refresh_id = r.id AND t.{IS_OPEN})
""")
_COUNTS = text(
    f"SELECT pop, state, count(*) AS targets FROM cache_refresh_targets WHERE {IS_OPEN} GROUP BY pop, state"
)


def insert(session: Session, refresh_id: UUID, new: NewRefresh, job_id: UUID) -> Refresh:
    """Put a refresh on record."""
    values = {
        "id": refresh_id,
        "by": new.by,
        "reason": new.reason,
        "mode": new.mode,
        "selection": new.scope.to_json(),
        "is_now": new.is_now,
        "job_id": job_id,
    }
    return _to_refresh(session.execute(_INSERT, values).one())


def insert_targets(session: Session, refresh_id: UUID, jobs: Sequence[tuple[str, UUID]]) -> None:
    """Put a refresh's targets on record: names of POPs, each with the job that works on it."""
    session.execute(_INSERT_TARGET, [{"refresh_id": refresh_id, "pop": pop, "job_id": job} for pop, job in jobs])


def find(session: Session, refresh_id: UUID) -> Refresh | None:
    """Return a refresh."""
    row = session.execute(_ONE, {"id": refresh_id}).first()
    return None if row is None else _to_refresh(row)


def find_of_job(session: Session, job_id: UUID) -> Refresh | None:
    """Return the refresh that a batch began."""
    row = session.execute(_OF_JOB, {"job_id": job_id}).first()
    return None if row is None else _to_refresh(row)


def list_refreshes(session: Session, limit: int, before: UUID | None = None, by: str | None = None) -> list[Refresh]:
    """Return the newest refreshes first; ``before`` is the last id of the page before."""
    conditions = {"id < :before": before, "requested_by = :by": by}
    chosen = [condition for condition, value in conditions.items() if value is not None]
    where = f"WHERE {' AND '.join(chosen)}" if chosen else ""
    sql = text(f"SELECT {_COLUMNS} FROM cache_refreshes {where} ORDER BY id DESC LIMIT :limit")
    values = {"before": before, "by": by, "limit": limit}
    return [_to_refresh(row) for row in session.execute(sql, {k: v for k, v in values.items() if v is not None})]


def targets_of(session: Session, refresh_ids: Sequence[UUID]) -> dict[UUID, list[Target]]:
    """Return the targets of some refreshes, by POP."""
    found: dict[UUID, list[Target]] = {refresh_id: [] for refresh_id in refresh_ids}
    for row in session.execute(_TARGETS, {"ids": list(refresh_ids)}):
        found[row.refresh_id].append(_to_target(row))
    return found


def begin(session: Session, refresh_id: UUID, pop: str, job_id: UUID) -> Target | None:
    """Begin an attempt at a target; ``None``: it is done, or another job's to do."""
    row = session.execute(_BEGIN, {"id": refresh_id, "pop": pop, "job_id": job_id}).first()
    return None if row is None else _to_target(row)


def note_purged(session: Session, target: Target, removed: int) -> None:
    """Note that the POP was told to forget, and how many copies that took."""
    session.execute(_NOTE_PURGED, {**_key(target), "removed": removed})


def add_counts(session: Session, target: Target, counted: Counted) -> None:
    """Add to what was filled; ``verified`` is what is known altogether."""
    values = {"filled": counted.filled, "verified": counted.verified, "bytes": counted.bytes}
    session.execute(_ADD_COUNTS, {**_key(target), **values})


def note_error(session: Session, target: Target, error: str) -> None:
    """Note why an attempt ended that is going to be followed by another one of the same job."""
    session.execute(_NOTE_ERROR, {**_key(target), "error": error})


def end(session: Session, target: Target, state: TargetState, error: str | None) -> bool:
    """End the work of the target's job; ``False``: the target was not its any more."""
    return session.execute(_END, {**_key(target), "state": state, "error": error}).first() is not None


def hand_on(session: Session, target: Target, next_job_id: UUID) -> bool:
    """Leave the rest to another job; ``False``: the target was not the first one's any more."""
    return session.execute(_HAND_ON, {**_key(target), "next_job_id": next_job_id}).first() is not None


def lock_deferred(session: Session, pop: str, limit: int) -> list[Target]:
    """Return what waits for a POP, the oldest first, and lock it until the transaction ends."""
    return [_to_target(row) for row in session.execute(_DEFERRED, {"pop": pop, "limit": limit})]


def lock_not_due(session: Session, pop: str, limit: int) -> list[Target]:
    """Return what waits for its time, which a POP's window or rate had given it, and lock it likewise."""
    return [_to_target(row) for row in session.execute(_NOT_DUE, {"pop": pop, "limit": limit})]


def pops_with(session: Session, new: NewRefresh, states: Sequence[TargetState]) -> set[str]:
    """Return the POPs for which the same was asked, is in one of ``states``, and was not purged yet."""
    values = {"states": list(states), "selection": new.scope.to_json(), "mode": new.mode}
    return {row.pop for row in session.execute(_WAITING, values)}


def open_folders(session: Session, reason: str) -> set[tuple[str, str]]:
    """Return POPs and folders about which something was begun for ``reason`` that has not ended."""
    return {(row.pop, row.folder) for row in session.execute(_FOLDERS, {"reason": reason})}


def withdraw(session: Session, reason: str, folders: Iterable[tuple[str, str]]) -> None:
    """End what was begun for ``reason`` about folders at POPs, or what they lie in, if nobody works on it yet."""
    rows = [{"pop": pop, "folder": folder} for pop, folder in folders]
    session.execute(_WITHDRAW, {"rows": rows, "reason": reason})


def fail_orphans(session: Session) -> list[str]:
    """End as failed what no job works on any more, and what waits for POPs that are gone; return the POPs' names."""
    lost = session.execute(_FAIL_ORPHANS).scalars().all()
    return [*lost, *session.execute(_FAIL_OF_GONE_POPS).scalars().all()]


def prune(session: Session) -> None:
    """Forget old refreshes, those by the clock much earlier than those by people."""
    session.execute(_PRUNE)


def open_counts(session: Session) -> list[tuple[str, str, int]]:
    """Return how many targets of each POP are in each state that is not final."""
    return [(row.pop, row.state, row.targets) for row in session.execute(_COUNTS)]


def _key(target: Target) -> dict[str, object]:
    return {"id": target.refresh_id, "pop": target.pop, "job_id": target.job_id}


def _to_refresh(row: Row[tuple[object, ...]]) -> Refresh:
    return Refresh(
        row.id, row.requested_by, row.reason, Mode(row.mode), scope_from_json(row.selection), row.is_now, row.job_id,
        row.created_at,
    )  # fmt: skip


def _to_target(row: Row[tuple[object, ...]]) -> Target:
    return Target(
        row.refresh_id, row.pop, TargetState(row.state), row.job_id, row.attempts, row.removed, row.filled,
        row.verified, row.bytes, row.last_error, row.started_at, row.purged_at, row.finished_at,
    )  # fmt: skip
