"""The vocabulary of jobs: states, priorities, kinds, and what a handler is given and gives back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum, StrEnum
from typing import Protocol
from uuid import UUID

from sqlalchemy.orm import Session


class JobState(StrEnum):
    """Where a job is in its life; ``docs/job_states.md`` has every transition and who makes it."""

    QUEUED = "queued"
    DISPATCHED = "dispatched"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @property
    def is_final(self) -> bool:
        """Tell whether no transition leaves this state (but for an operator's retry of a failed job)."""
        return self in FINAL_STATES


FINAL_STATES = frozenset({JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED, JobState.EXPIRED})


class Priority(IntEnum):
    """Lower runs first."""

    INTERACTIVE = 0
    BATCH = 10


@dataclass(frozen=True, slots=True)
class NewJob:
    """What ``jobs.submit`` writes. ``run_at`` and ``deadline`` are aware UTC; ``None`` means now and never."""

    kind: str
    owner: str
    payload: dict[str, object]
    priority: Priority = Priority.INTERACTIVE
    run_at: datetime | None = None
    deadline: datetime | None = None
    request_id: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a handler gives back. ``effects`` are run in the transaction that finishes the job: all or nothing."""

    result: dict[str, object]
    effects: tuple[Callable[[Session], None], ...] = field(default=())


class JobContext(Protocol):
    """A handler's window on the job that it runs."""

    job_id: UUID
    owner: str
    attempt: int
    epoch: int

    def report_progress(self, progress: dict[str, object]) -> None:
        """Show ``progress`` to whoever polls the job; dropped silently when the job is no longer ours."""

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once from another thread when the work must end: cancelled, fenced, or draining.

        Called at once if that has happened already. The handler then raises whatever its broken tool raises;
        lifecycle knows why.
        """


class Handler(Protocol):
    """One job kind's work: payload in, outcome out."""

    def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
        """Do the work.

        Raises:
            TransientJobError: try again after a backoff, while attempts are left.
            JobFailedError: it can never succeed; the message is shown to the owner.
        """


class TransientJobError(Exception):
    """The work failed for a reason that may pass; the message is shown to the owner if attempts run out."""


class JobFailedError(Exception):
    """The job can never succeed; the message is shown to the owner."""
