"""A kind of job with effects that can be counted: the handler sleeps, may crash its process or fail, and adds a row.

The row goes into ``fault_effects``, which has no unique constraint: whatever is done twice is seen twice.
"""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from jobs.kinds import KINDS, Kind
from jobs.model import JobContext, NewJob, Outcome, Priority, TransientJobError

EFFECTS_KIND = "fault_effects"
OWNER = "faults"
LEASE_S = 2.0

EFFECTS = Kind(
    name=EFFECTS_KIND,
    max_attempts=4,
    lease_s=LEASE_S,
    backoff_s=0.2,
    backoff_max_s=1,
    window_per_slot=2,
    max_depth=100_000,
    keep_s=3600,
)

_ADD = text("INSERT INTO fault_effects (job_id, epoch, worker_pid) VALUES (:job_id, :epoch, :pid)")


class StoppedError(Exception):
    """The work was told to stop."""


@dataclass(frozen=True, slots=True)
class Deed:
    """What one job of the kind does.

    ``failures`` is in how many of its first attempts it fails. A deaf one goes on when it is told to stop, as a
    handler may that hangs in somebody else's library. A poisonous one kills its process.
    """

    sleep_s: float = 0.2
    failures: int = 0
    is_deaf: bool = False
    is_poison: bool = False
    priority: Priority = Priority.INTERACTIVE

    def as_job(self) -> NewJob:
        payload: dict[str, object] = {
            "sleep_s": self.sleep_s,
            "failures": self.failures,
            "is_deaf": self.is_deaf,
            "is_poison": self.is_poison,
        }
        return NewJob(kind=EFFECTS_KIND, owner=OWNER, payload=payload, priority=self.priority)


def make_table(engine: Engine) -> None:
    with engine.connect() as connection:
        connection.execute(
            text(
                "CREATE TABLE IF NOT EXISTS fault_effects (job_id uuid NOT NULL, epoch bigint NOT NULL,"
                " worker_pid int NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp())"
            )
        )


def run(payload: dict[str, object], context: JobContext) -> Outcome:
    stop = threading.Event()
    context.on_stop(stop.set)
    if payload["is_poison"]:
        os.kill(os.getpid(), signal.SIGKILL)
    if stop.wait(float(str(payload["sleep_s"]))) and not payload["is_deaf"]:
        raise StoppedError
    if context.attempt <= int(str(payload["failures"])):
        raise TransientJobError("planned")
    return Outcome({"pid": os.getpid()}, effects=(_Addition(context.job_id, context.epoch),))


@dataclass(frozen=True, slots=True)
class _Addition:
    job_id: UUID
    epoch: int

    def __call__(self, session: Session) -> None:
        session.execute(_ADD, {"job_id": self.job_id, "epoch": self.epoch, "pid": os.getpid()})


assert EFFECTS_KIND not in KINDS
