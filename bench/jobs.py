"""``python -m bench jobs``: jobs that do nothing, durable ones against bare Celery, one worker process each."""

from __future__ import annotations

import os
import select
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from uuid import UUID

import psycopg2
from redis import Redis
from sqlalchemy import Engine, text

from bench.bare_celery import SLOTS, BareCelery, bare_celery
from bench.figures import Figure
from cli.stack.servers import PostgresServer, ValkeyServer
from config.settings import REPOSITORY
from jobs.model import NewJob
from jobs.submit import submit
from store.db import create_engine, sessions
from store.jobs.channels import CHANGED, parse_change
from store.migrate import migrate

ROUNDS = 3
LATENCY_JOBS = 150
DRAIN_JOBS = 2000
WARM_UP_JOBS = 200
POOL = "threads"


class DurableJobs:
    """Submits canaries and waits until they have succeeded."""

    def __init__(self, engine: Engine, url: str) -> None:
        self._sessions = sessions(engine)
        self._engine = engine
        self._listener = psycopg2.connect(url)
        self._listener.autocommit = True
        self._listener.cursor().execute(f"LISTEN {CHANGED}")

    def round_trip_seconds(self) -> float:
        """Return the time from submitting one job to the notice that it has succeeded."""
        began = time.perf_counter()
        self._wait_for(self._submit())
        return time.perf_counter() - began

    def drain_seconds(self, jobs: int) -> float:
        """Return the time from submitting the first of ``jobs`` jobs, one by one, to the last one's end."""
        began = time.perf_counter()
        for _ in range(jobs):
            self._submit()
        while self._unfinished():
            time.sleep(0.02)
        elapsed_s = time.perf_counter() - began
        self._listener.poll()
        self._listener.notifies.clear()
        return elapsed_s

    def close(self) -> None:
        """Close the listening connection."""
        self._listener.close()

    def _submit(self) -> UUID:
        with self._sessions() as session:
            return submit(session, NewJob("canaries", "bench", {})).job.id

    def _wait_for(self, job_id: UUID) -> None:
        while True:
            if not select.select([self._listener], [], [], 30)[0]:
                raise TimeoutError("a canary was not finished within 30 s")
            self._listener.poll()
            while self._listener.notifies:
                change = parse_change(self._listener.notifies.pop(0).payload)
                if change and change.job_id == job_id and change.state == "succeeded":
                    return

    def _unfinished(self) -> bool:
        with self._engine.connect() as connection:
            return bool(connection.scalar(text("SELECT EXISTS (SELECT FROM jobs WHERE finished_at IS NULL)")))


def measure() -> Sequence[Figure]:
    """Run both in turn on the same Redis and the same machine."""
    with tempfile.TemporaryDirectory(prefix="yardmaster-bench-") as folder, ExitStack() as stack:
        # PostgreSQL drops to another user, who has to reach its files.
        Path(folder).chmod(0o755)
        valkey = ValkeyServer(Path(folder) / "valkey")
        valkey.start()
        stack.callback(valkey.stop)
        durable = stack.enter_context(_durable_jobs(Path(folder), valkey.url()))
        bare = stack.enter_context(bare_celery(_other_database(valkey.url()), POOL))
        return _compare(durable, bare)


def _compare(durable: DurableJobs, bare: BareCelery) -> list[Figure]:
    durable.drain_seconds(WARM_UP_JOBS)
    bare.drain_seconds(WARM_UP_JOBS)
    ours_s, theirs_s, ours_rate, theirs_rate = [], [], [], []
    for _ in range(ROUNDS):
        ours_s += [durable.round_trip_seconds() for _ in range(LATENCY_JOBS)]
        theirs_s += [bare.round_trip_seconds() for _ in range(LATENCY_JOBS)]
        ours_rate.append(DRAIN_JOBS / durable.drain_seconds(DRAIN_JOBS))
        theirs_rate.append(DRAIN_JOBS / bare.drain_seconds(DRAIN_JOBS))
        print(".", end="", file=sys.stderr, flush=True)
    rate, bare_rate = statistics.median(ours_rate), statistics.median(theirs_rate)
    latency_ms, bare_ms = 1000 * statistics.median(ours_s), 1000 * statistics.median(theirs_s)
    return [
        Figure("durable no-op jobs per second / bare Celery", rate / bare_rate, 0.5, "higher",
               f"{rate:.0f}/s / {bare_rate:.0f}/s, submit to last finish of {DRAIN_JOBS}"),
        Figure("no-op job, submit to finished, p50 / bare Celery", latency_ms / bare_ms, 3, "lower",
               f"{latency_ms:.2f} ms / {bare_ms:.2f} ms"),
    ]  # fmt: skip


@contextmanager
def _durable_jobs(folder: Path, redis_url: str) -> Iterator[DurableJobs]:
    with ExitStack() as stack:
        postgres = PostgresServer(folder / "postgres")
        postgres.start()
        stack.callback(postgres.stop)
        engine = create_engine(postgres.url(), 4, "bench")
        stack.callback(engine.dispose)
        migrate(engine)
        environment = {
            **os.environ,
            "DATABASE_URL": postgres.url(),
            "REDIS_URL": redis_url,
            "GENERAL_SLOTS": str(SLOTS),
        }
        environment["YARDMASTER_HOME"] = str(folder / "home")
        for command in (["dispatcher"], ["worker", "general"]):
            process = subprocess.Popen(
                [sys.executable, "-m", "cli", *command], env=environment, cwd=REPOSITORY,
                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            )  # fmt: skip
            stack.callback(process.wait)
            stack.callback(process.terminate)
        durable = DurableJobs(engine, postgres.url())
        stack.callback(durable.close)
        durable.round_trip_seconds()
        yield durable


def _other_database(redis_url: str) -> str:
    """Return the URL of database 1: the same server, but neither side finds the other's keys."""
    connection = Redis.from_url(redis_url)
    connection.ping()
    return f"{redis_url.rsplit('/', 1)[0]}/1"
