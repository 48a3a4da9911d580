"""The tables of jobs. Reads and transitions are in the modules beside this one."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, Interval, SmallInteger, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from store.db import Base

Moment = DateTime(timezone=True)
IS_QUEUED = "state = 'queued'"
# A batch's parent runs without a worker; it takes no slot, so it is not in flight.
IS_IN_FLIGHT = "state IN ('dispatched', 'running') AND pending_children IS NULL"
IS_WAITING = "state IN ('queued', 'dispatched')"
SUSPECT_CRASHES = 2
"""A job whose workers were lost this often may be what kills them."""
IS_SUSPECT = f"crashes >= {SUSPECT_CRASHES} AND finished_at IS NULL"
IS_FINAL = "state IN ('succeeded', 'failed', 'cancelled', 'expired')"


class JobRow(Base):
    """One piece of work, from its acceptance to its result; ``docs/job_states.md`` has its life.

    ``epoch`` is the fencing token: it grows with every claim and with everything that takes a job from its worker,
    so that a worker which lost the job can no longer change it. ``version`` grows with every visible change (ETag).
    ``attempt`` counts claims and ``crashes`` the claims that ended without a word. ``request_id`` ties log lines
    together. ``children_total`` and ``pending_children`` are set on a batch's parent only.
    ``is_followed``: somebody wants to hear of every change, not only of the end.
    """

    __tablename__ = "jobs"

    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True)
    kind: Mapped[str] = mapped_column(TEXT)
    queue: Mapped[str] = mapped_column(TEXT)
    owner: Mapped[str] = mapped_column(TEXT)
    state: Mapped[str] = mapped_column(TEXT)
    priority: Mapped[int] = mapped_column(SmallInteger, server_default=text("0"))
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    result: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    error: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    progress: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    attempt: Mapped[int] = mapped_column(server_default=text("0"))
    crashes: Mapped[int] = mapped_column(server_default=text("0"))
    max_attempts: Mapped[int]
    run_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    deadline: Mapped[datetime | None] = mapped_column(Moment)
    epoch: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    version: Mapped[int] = mapped_column(BigInteger, server_default=text("1"))
    worker: Mapped[UUID | None] = mapped_column(PG_UUID(as_uuid=True))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    dispatched_at: Mapped[datetime | None] = mapped_column(Moment)
    dispatches: Mapped[int] = mapped_column(server_default=text("0"))
    parent_id: Mapped[UUID | None] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    children_total: Mapped[int | None]
    pending_children: Mapped[int | None]
    schedule_name: Mapped[str | None] = mapped_column(TEXT)
    fire_at: Mapped[datetime | None] = mapped_column(Moment)
    request_id: Mapped[str | None] = mapped_column(TEXT)
    is_followed: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (
        CheckConstraint(
            "state IN ('queued', 'dispatched', 'running', 'succeeded', 'failed', 'cancelled', 'expired')",
            name="state",
        ),
        CheckConstraint(f"(finished_at IS NOT NULL) = ({IS_FINAL})", name="finished"),
        CheckConstraint(
            "(lease_until IS NOT NULL) = (state = 'running' AND pending_children IS NULL)", name="lease"
        ),
        CheckConstraint("pending_children BETWEEN 0 AND children_total", name="children"),
        # The dispatcher's order, laid so that it can skip from one owner to the next.
        Index("jobs_queued_idx", "queue", "priority", "owner", "run_at", "id", postgresql_where=text(IS_QUEUED)),
        Index("jobs_in_flight_idx", "queue", "owner", postgresql_where=text(IS_IN_FLIGHT)),
        Index("jobs_run_at_idx", "run_at", postgresql_where=text(IS_QUEUED)),
        Index("jobs_deadline_idx", "deadline", postgresql_where=text(f"deadline IS NOT NULL AND {IS_WAITING}")),
        Index("jobs_owner_idx", "owner", "id", postgresql_where=text("owner IS NOT NULL")),
        Index("jobs_parent_idx", "parent_id", "id", postgresql_where=text("parent_id IS NOT NULL")),
        Index("jobs_dead_letters_idx", "id", postgresql_where=text("state = 'failed'")),
        Index("jobs_suspects_idx", "queue", "id", postgresql_where=text(IS_SUSPECT)),
        Index("jobs_finished_idx", "kind", "finished_at", postgresql_where=text("finished_at IS NOT NULL")),
        Index("jobs_fire_at_key", "schedule_name", "fire_at", unique=True,
              postgresql_where=text("schedule_name IS NOT NULL")),
    )  # fmt: skip


class JobEventRow(Base):
    """A transition that happened: the audit trail, and the feed of a job's event stream (in the order of ``id``)."""

    __tablename__ = "job_events"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(Moment, server_default=text("clock_timestamp()"))
    name: Mapped[str] = mapped_column(TEXT)
    state: Mapped[str] = mapped_column(TEXT)
    attempt: Mapped[int]
    detail: Mapped[dict[str, object] | None] = mapped_column(JSONB)

    __table_args__ = (Index("job_events_job_id_id_idx", "job_id", "id"),)


class IdempotencyKeyRow(Base):
    """An owner's ``Idempotency-Key`` and the job that the first request with it made."""

    __tablename__ = "idempotency_keys"

    owner: Mapped[str] = mapped_column(TEXT, primary_key=True)
    key: Mapped[str] = mapped_column(TEXT, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(BYTEA)
    job_id: Mapped[UUID] = mapped_column(ForeignKey("jobs.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))


class QueueRow(Base):
    """What operators decided about a queue; a queue without a row runs."""

    __tablename__ = "queues"

    name: Mapped[str] = mapped_column(TEXT, primary_key=True)
    is_paused: Mapped[bool] = mapped_column(server_default=text("false"))
    changed_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))


class ScheduleRow(Base):
    """A job that is submitted every ``every``, beginning at ``next_at``.

    ``catchup`` says what happens after a stop: ``all`` submits every fire that was missed, ``latest`` only the last.
    """

    __tablename__ = "schedules"

    name: Mapped[str] = mapped_column(TEXT, primary_key=True)
    kind: Mapped[str] = mapped_column(TEXT)
    owner: Mapped[str] = mapped_column(TEXT)
    payload: Mapped[dict[str, object]] = mapped_column(JSONB)
    every: Mapped[timedelta] = mapped_column(Interval)
    next_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    catchup: Mapped[str] = mapped_column(TEXT, server_default=text("'latest'"))
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))

    __table_args__ = (
        CheckConstraint("catchup IN ('all', 'latest')", name="catchup"),
        CheckConstraint("every >= interval '1 second'", name="every"),
    )


class WorkerRow(Base):
    """A living worker process; its heartbeat writes ``seen_at``, and its slots size the dispatcher's window."""

    __tablename__ = "workers"

    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True)
    name: Mapped[str] = mapped_column(TEXT)
    queues: Mapped[list[str]] = mapped_column(ARRAY(TEXT))
    slots: Mapped[int]
    started_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    seen_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))


class BrokerLifeRow(Base):
    """A life of the broker, from a start or an emptying to the next, for which lost messages were sent again.

    Rows are kept for ever: there are as many as times that the broker was started or emptied.
    """

    __tablename__ = "broker_lives"

    name: Mapped[str] = mapped_column(TEXT, primary_key=True)
    noted_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
