"""A real Celery worker and a real dispatcher, each a process: jobs get done, and SIGTERM loses nothing."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from config.settings import REPOSITORY, inherit
from jobs.submit import cancel
from store import workers
from tests.integration.jobs_world import World

GRACE_S = 2
WORKER = f"""
from workers.app import Pace, Trade, create_app
app = create_app(trade=Trade(pace=Pace(grace_s={GRACE_S})))
app.worker_main(["worker", "-P", "threads", "-c", "4", "-Q", "canaries,maintenance",
                 "--without-gossip", "--without-mingle"])
"""
DISPATCHER = "from workers.app import run_dispatcher; run_dispatcher()"


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


@pytest.fixture
def environment(database_url: str, redis_url: str, tmp_path: Path) -> dict[str, str]:
    return inherit({"DATABASE_URL": database_url, "REDIS_URL": redis_url, "YARDMASTER_HOME": str(tmp_path)})


@contextmanager
def _process(code: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", code], cwd=REPOSITORY, env=environment, stdout=output, stderr=output
        )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@pytest.fixture
def worker(world: World, environment: dict[str, str], tmp_path: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A worker that is ready, and a dispatcher that feeds it."""
    with ExitStack() as stack:
        stack.enter_context(_process(DISPATCHER, environment, tmp_path / "dispatcher.log"))
        process = stack.enter_context(_process(WORKER, environment, tmp_path / "worker.log"))
        _wait_until(world, lambda: _has_worker(world))
        yield process


def _has_worker(world: World) -> bool:
    with world.session() as session:
        return bool(workers.list_workers(session))


def _wait_until(world: World, is_so: object, timeout_s: float = 30) -> None:
    assert callable(is_so)
    give_up_at = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up_at, "it did not come to pass"
        time.sleep(0.02)


def test_what_is_submitted_gets_done(world: World, worker: subprocess.Popen[bytes]) -> None:
    jobs = [world.submit(owner=f"owner{number % 3}") for number in range(100)]

    _wait_until(world, lambda: world.count("SELECT count(*) FROM jobs WHERE state = 'succeeded'") >= len(jobs))

    assert world.events(jobs[0].id) == ["submitted", "dispatched", "claimed", "succeeded"]
    assert world.count("SELECT count(*) FROM job_events WHERE name = 'claimed'") >= len(jobs)


def test_a_worker_that_is_told_to_stop_finishes_what_it_can_and_queues_the_rest(
    world: World, worker: subprocess.Popen[bytes]
) -> None:
    short, long = world.submit(payload={"sleep_s": 1}), world.submit(payload={"sleep_s": 100})
    _wait_until(world, lambda: (world.state(short.id), world.state(long.id)) == ("running", "running"))

    worker.send_signal(signal.SIGTERM)
    exit_code = worker.wait(GRACE_S + 10)

    released = world.get(long.id)
    assert exit_code == 0
    assert world.state(short.id) == "succeeded"
    assert (released.state, released.attempt, released.crashes) == ("queued", 0, 0)
    assert not _has_worker(world)


def test_a_cancelled_job_gives_its_slot_back(world: World, worker: subprocess.Popen[bytes]) -> None:
    blockers = [world.submit(payload={"sleep_s": 100}) for _ in range(4)]
    _wait_until(world, lambda: world.count("SELECT count(*) FROM jobs WHERE state = 'running'") >= 4)
    waiting = world.submit()

    with world.session() as session:
        cancel(session, blockers[0].id)

    _wait_until(world, lambda: world.state(waiting.id) == "succeeded", timeout_s=10)
