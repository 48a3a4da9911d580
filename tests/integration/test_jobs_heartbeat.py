"""A worker hears that a job is no longer its own, however early that is said."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from jobs import submit as submitting
from jobs.heartbeat import Heartbeat, RunningJob, StopReason
from store.jobs import transitions
from store.workers import WorkerRecord
from tests.integration.jobs_world import World


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


@pytest.fixture
def heartbeat(world: World) -> Iterator[Heartbeat]:
    # Its beat is too slow to be what notices anything here.
    made = Heartbeat(world.engine, WorkerRecord(world.worker, "test", ("canaries",), 4), beat_s=600)
    made.start()
    yield made
    made.stop()


def _hear(world: World, heartbeat: Heartbeat) -> None:
    """Return when the heartbeat has heard all that was notified before: a witness that it holds is stopped."""
    witness = RunningJob(world.claim(world.submit().id), 30)
    is_stopped = threading.Event()
    witness.on_stop(is_stopped.set)
    heartbeat.hold(witness)
    _cancel(world, witness)
    assert is_stopped.wait(10)


def _cancel(world: World, running: RunningJob) -> None:
    with world.session() as session:
        submitting.cancel(session, running.holder.id)


def test_a_job_cancelled_between_its_claim_and_its_work_is_stopped_at_once(
    world: World, heartbeat: Heartbeat
) -> None:
    _hear(world, heartbeat)
    running = RunningJob(world.claim(world.submit().id), 30)
    _cancel(world, running)
    _hear(world, heartbeat)

    heartbeat.hold(running)

    assert running.stop_reason is StopReason.LOST


def test_a_stop_of_an_earlier_claim_leaves_the_later_one_alone(world: World, heartbeat: Heartbeat) -> None:
    _hear(world, heartbeat)
    job = world.submit()
    earlier = world.claim(job.id)
    with world.session() as session:
        assert transitions.release(session, earlier)
    _hear(world, heartbeat)
    running = RunningJob(world.claim(job.id), 30)

    heartbeat.hold(running)

    assert running.stop_reason is None
