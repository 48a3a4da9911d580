"""What tests of cache refreshes are made of: a database, POPs of a test's own, and a worker that does what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.cache_refreshes.edge import PopDriver
from domain.cache_refreshes.model import Mode, NewRefresh, Scope, TargetState
from domain.cache_refreshes.pops import Pop
from domain.cache_refreshes.refresh import Patience, Wanted
from jobs import cache_refreshes as refreshing
from jobs.kinds import KINDS
from jobs.model import Handler, NewJob
from jobs.submit import submit
from store import cache_refreshes, edge_objects, pops
from store.cache_refreshes import Target
from store.db import transactions
from store.edge_objects import EdgeObject
from store.jobs.records import Job
from tests.fake_pop import FakeOrigin, FakePop
from tests.integration.jobs_world import World, running_lifecycle
from workers.edge_tools import EdgeTools
from workers.tasks.cache_refreshes import CacheRefresher

KIND = replace(KINDS["cache_refreshes"], backoff_s=0.0)
T = TypeVar("T")


class EdgeYard:
    """One database with POPs, and everything that is done with them.

    ``sets`` are the objects of each set, ``videos`` those of each video that is encoded.
    """

    def __init__(self, engine: Engine, drivers: Mapping[str, PopDriver], patience: Patience | None = None) -> None:
        self.world = World(engine)
        self.drivers = drivers
        self.sets: dict[str, list[EdgeObject]] = {"questions": [], "titles": []}
        self.videos: dict[UUID, list[EdgeObject]] = {}
        self.tools = EdgeTools(
            transactions(engine), lambda pop: self.drivers[pop.name], lambda name: self.sets[name],
            lambda video_id, revision: self.videos.get(video_id, []),
            patience or Patience(total_s=0.3, first_s=0.001, longest_s=0.02),
        )  # fmt: skip
        for name in drivers:
            self.put(pop_named(name))

    def run(self, work: Callable[[Session], T]) -> T:
        with self.tools.sessions.begin() as session:
            return work(session)

    def put(self, pop: Pop) -> None:
        self.run(lambda session: pops.put_pop(session, pop))

    def refresh(self, mode: Mode, scope: Scope, *names: str, is_now: bool = False) -> UUID:
        new = NewRefresh("ada", "a test", mode, scope, is_now)
        return self.run(lambda session: refreshing.begin(session, new, names or list(self.drivers))).refresh.id

    def fill(self, *paths: str, is_now: bool = False) -> UUID:
        """Fill all POPs with ``paths``, and do what is due."""
        refresh_id = self.refresh(Mode.FILL, Scope(paths=paths), is_now=is_now)
        self.work()
        return refresh_id

    def submit(self, **payload: object) -> Job:
        return self.run(lambda session: submit(session, NewJob("cache_refreshes", "system", payload))).job

    def do(self, **payload: object) -> Job:
        """Submit a job, do what is due, and return how the job ended."""
        job = self.submit(**payload)
        self.work()
        return self.world.get(job.id)

    def work(self, handler: Handler | None = None, rounds: int = 50) -> list[UUID]:
        """Do what is due, and what becomes due by that, one job after another; return the jobs in that order."""
        done = []
        with running_lifecycle(self.world, handler or CacheRefresher(self.tools), KIND) as lifecycle:
            while (job_id := self.next_job()) is not None:
                assert len(done) < rounds, "there is no end to it"
                lifecycle.run("cache_refreshes", job_id)
                done.append(job_id)
        return done

    def next_job(self) -> UUID | None:
        with self.world.engine.connect() as connection:
            return connection.exec_driver_sql(
                "SELECT id FROM jobs WHERE kind = 'cache_refreshes' AND state = 'queued' AND run_at <= now()"
                " ORDER BY priority, run_at, id LIMIT 1"
            ).scalar()

    def waiting(self) -> list[datetime]:
        """When the jobs are due that are not yet."""
        with self.world.engine.connect() as connection:
            return list(connection.exec_driver_sql(
                "SELECT run_at FROM jobs WHERE kind = 'cache_refreshes' AND state = 'queued' ORDER BY run_at"
            ).scalars())  # fmt: skip

    def target(self, refresh_id: UUID, pop: str) -> Target:
        targets = self.run(lambda session: cache_refreshes.targets_of(session, [refresh_id]))[refresh_id]
        return next(target for target in targets if target.pop == pop)

    def states(self, refresh_id: UUID) -> dict[str, TargetState]:
        targets = self.run(lambda session: cache_refreshes.targets_of(session, [refresh_id]))[refresh_id]
        return {target.pop: target.state for target in targets}

    def reasons(self) -> list[str]:
        """Why refreshes were begun, the newest first."""
        return [each.reason for each in self.run(lambda session: cache_refreshes.list_refreshes(session, 100))]

    def objects(self, pop: str) -> dict[str, str]:
        """The state of each object that a POP should hold."""
        with self.world.engine.connect() as connection:
            rows = connection.exec_driver_sql("SELECT path, state FROM edge_objects WHERE pop = %s", (pop,))
            return dict(list(rows))

    def hold(self, pop: str, *paths: str, etag: str | None = None) -> None:
        """Say that a POP should hold objects."""
        objects = [EdgeObject(Wanted(path, etag)) for path in paths]
        self.run(lambda session: edge_objects.add(session, pop, objects))


class FakeEdge(EdgeYard):
    """The same with three POPs that are none, before one origin that is none."""

    def __init__(self, engine: Engine, names: Sequence[str] = ("blr1", "fra1", "iad1")) -> None:
        self.origin = FakeOrigin()
        self.pops = {name: FakePop(self.origin) for name in names}
        super().__init__(engine, self.pops)

    def publish(self, *paths: str, revision: str = "1", set_name: str = "questions") -> None:
        """Let the origin serve a revision of a set."""
        for path in paths:
            self.origin.put(path, f'"{revision}"', tags=(set_name,))
        self.sets[set_name] = [EdgeObject(Wanted(path, f'"{revision}"'), set_name=set_name) for path in paths]


def pop_named(name: str, **changes: object) -> Pop:
    pop = Pop(name, "eu", "http://pop.example", "http://127.0.0.1:6081", "varnish", 1_000_000)
    return replace(pop, **changes)
