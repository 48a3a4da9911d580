"""The NOTIFY channels of jobs, and how their payloads are read."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

QUEUED = "jobs_queued"
"""Payload: a queue's name. A job waits there; nothing is to be done while there is no room for it."""

FREED = "jobs_freed"
"""Payload: a queue's name. There may be more room now; nothing is to be done unless jobs wait for it."""

CHANGED = "jobs_changed"
"""Payload: a job's id and its new state, parted by a space; a batch's parent is a job, too.

Sent when a job ends, and for its other changes once somebody follows it: a notification wakes every connection that
listens, whatever to, so what nobody waits for is not told.
"""

STOPPED = "jobs_stopped"
"""Payload: a job's id and its new epoch. Whoever runs it with a lower epoch has lost it."""


@dataclass(frozen=True, slots=True)
class JobChange:
    """What ``CHANGED`` says."""

    job_id: UUID
    state: str


@dataclass(frozen=True, slots=True)
class JobStop:
    """What ``STOPPED`` says."""

    job_id: UUID
    epoch: int


def parse_change(payload: str) -> JobChange | None:
    """Read a payload of ``CHANGED``; ``None`` if it is none: anybody with a connection can notify anything."""
    job_id, _, state = payload.partition(" ")
    try:
        return JobChange(UUID(job_id), state)
    except ValueError:
        return None


def parse_stop(payload: str) -> JobStop | None:
    """Read a payload of ``STOPPED``; ``None`` if it is none."""
    job_id, _, epoch = payload.partition(" ")
    try:
        return JobStop(UUID(job_id), int(epoch))
    except ValueError:
        return None
