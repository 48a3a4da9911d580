"""What tests of jobs are made of: a database, a worker without Celery, and short words for what happens to a job."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from uuid import UUID

from celery import Celery
from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from config.celery import celery_settings
from jobs.heartbeat import Heartbeat
from jobs.kinds import KINDS, Kind
from jobs.lifecycle import Lifecycle
from jobs.model import Handler, JobContext, NewJob, Outcome, Priority
from jobs.patience import PATIENCE_S
from jobs.queue import IMPATIENT, Conveyor
from jobs.submit import submit
from jobs.sweeper import Sweeper
from store import workers
from store.db import sessions
from store.jobs import dispatching, reads, transitions
from store.jobs.dispatching import Window
from store.jobs.records import Job
from store.jobs.transitions import Holder
from store.workers import WorkerRecord


class World:
    """One database with jobs, and everything that may happen to them."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.session = sessions(engine)
        self.worker = uuid7()

    def submit(self, owner: str = "alice", payload: Mapping[str, object] | None = None,
               priority: Priority = Priority.INTERACTIVE, run_at: datetime | None = None,
               deadline: datetime | None = None) -> Job:  # fmt: skip
        new_job = NewJob("canaries", owner, dict(payload or {}), priority, run_at, deadline)
        with self.session() as session:
            return submit(session, new_job).job

    def register_worker(self, slots: int = 4) -> None:
        with self.session() as session:
            workers.register(session, WorkerRecord(self.worker, "test", ("canaries",), slots))

    def pick(self, room: int = 100, last_owner: str = "") -> list[UUID]:
        """Dispatch up to ``room`` jobs as if one worker had that many slots free."""
        with self.session() as session:
            pick = dispatching.pick(session, Window("canaries", 1000.0, room), last_owner)
        return [job.id for job in pick.jobs]

    def claim(self, job_id: UUID, lease_s: float = 30) -> Holder:
        with self.session() as session:
            job = transitions.claim(session, job_id, self.worker, lease_s)
        assert job is not None
        return Holder(job.id, job.epoch, self.worker, job.parent_id)

    def get(self, job_id: UUID) -> Job:
        with self.session() as session:
            job = reads.get_job(session, job_id)
        assert job is not None
        return job

    def state(self, job_id: UUID) -> str:
        return self.get(job_id).state

    def events(self, job_id: UUID) -> list[str]:
        with self.session() as session:
            return [event.name for event in reads.events_after(session, job_id)]

    def execute(self, sql: str, *parameters: object) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(sql, tuple(parameters))

    def count(self, sql: str) -> int:
        with self.engine.connect() as connection:
            return int(connection.exec_driver_sql(sql).scalar_one())

    def in_state(self, state: str) -> Job:
        """Bring a new job into ``state`` the way that jobs get there."""
        job = self.submit()
        with self.session() as session:
            if state == "dispatched":
                self.execute("UPDATE jobs SET state = 'dispatched', dispatched_at = now() WHERE id = %s", job.id)
            elif state == "cancelled":
                transitions.cancel(session, job.id)
            elif state == "expired":
                self.execute("UPDATE jobs SET state = 'expired', finished_at = now() WHERE id = %s", job.id)
            elif state != "queued":
                holder = self.claim(job.id)
                if state == "succeeded":
                    transitions.succeed(session, holder, {})
                elif state == "failed":
                    transitions.fail(session, holder, {"message": "no"})
        found = self.get(job.id)
        assert found.state == state
        return found


def create_celery(redis_url: str) -> Celery:
    app = Celery("test", set_as_current=False)
    app.conf.update(celery_settings(redis_url, tuple(KINDS)))
    return app


def create_sweeper(engine: Engine, redis_url: str) -> Sweeper:
    return Sweeper(engine, Conveyor(create_celery(redis_url), IMPATIENT))


@contextmanager
def running_lifecycle(
    world: World, handler: Handler, kind: Kind = KINDS["canaries"], beat_s: float = 0.1,
    patience_s: float = PATIENCE_S,
) -> Iterator[Lifecycle]:  # fmt: skip
    """A worker process's lifecycle with a beating heart, without Celery before it."""
    heartbeat = Heartbeat(world.engine, WorkerRecord(world.worker, "test", (kind.name,), 4), beat_s)
    heartbeat.start()
    try:
        yield Lifecycle(world.engine, heartbeat, {kind.name: handler}, {kind.name: kind}, patience_s)
    finally:
        heartbeat.stop()


def succeed_at_once(payload: dict[str, object], context: JobContext) -> Outcome:
    return Outcome({"echo": payload, "attempt": context.attempt})
