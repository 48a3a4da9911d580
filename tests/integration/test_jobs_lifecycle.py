"""A job's way through a worker: claimed once, finished once, stopped when it is no longer ours."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from cli.stack.servers import PostgresServer
from jobs import submit as submitting
from jobs.heartbeat import StopReason
from jobs.kinds import KINDS
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError
from store import workers
from store.jobs import transitions
from tests.integration.jobs_world import World, running_lifecycle, succeed_at_once

KIND = replace(KINDS["canaries"], backoff_s=0.001, backoff_max_s=0.001)


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


class Blocking:
    """A handler that works until it is stopped or told to go on."""

    def __init__(self) -> None:
        self.started = threading.Event()
        self.go_on = threading.Event()
        self.was_stopped = False

    def __call__(self, _payload: dict[str, object], context: JobContext) -> Outcome:
        context.on_stop(self._stop)
        self.started.set()
        assert self.go_on.wait(20)
        if self.was_stopped:
            raise TransientJobError("stopped")
        return Outcome({})

    def _stop(self) -> None:
        self.was_stopped = True
        self.go_on.set()


def _in_thread(work: Callable[[], object]) -> threading.Thread:
    thread = threading.Thread(target=work)
    thread.start()
    return thread


@contextmanager
def _database_away(postgres: PostgresServer) -> Iterator[None]:
    postgres.stop()
    try:
        yield
    finally:
        postgres.start()


def test_a_job_runs_and_its_result_is_kept(world: World) -> None:
    job = world.submit(payload={"n": 7})

    with running_lifecycle(world, succeed_at_once) as lifecycle:
        lifecycle.run("canaries", job.id)

    finished = world.get(job.id)
    assert (finished.state, finished.result) == ("succeeded", {"echo": {"n": 7}, "attempt": 1})


def test_a_second_delivery_of_a_finished_job_does_nothing(world: World) -> None:
    job = world.submit()

    with running_lifecycle(world, succeed_at_once) as lifecycle:
        lifecycle.run("canaries", job.id)
        before = world.get(job.id)
        lifecycle.run("canaries", job.id)

    assert world.get(job.id) == before


def test_many_deliveries_at_once_run_a_job_once(world: World) -> None:
    runs: list[int] = []
    job = world.submit()

    def count(_payload: dict[str, object], context: JobContext) -> Outcome:
        runs.append(context.attempt)
        return Outcome({})

    with running_lifecycle(world, count) as lifecycle:
        threads = [_in_thread(lambda: lifecycle.run("canaries", job.id)) for _ in range(8)]
        for thread in threads:
            thread.join()

    assert runs == [1]


def test_a_passing_error_is_tried_again_until_the_attempts_are_used_up(world: World) -> None:
    job = world.submit()

    def fail(_payload: dict[str, object], _context: JobContext) -> Outcome:
        raise TransientJobError("the tool is away")

    with running_lifecycle(world, fail, KIND) as lifecycle:
        for _ in range(KIND.max_attempts):
            time.sleep(0.01)
            lifecycle.run("canaries", job.id)

    failed = world.get(job.id)
    assert (failed.state, failed.attempt) == ("failed", KIND.max_attempts)
    assert failed.error == {"type": "transient", "message": "the tool is away"}
    assert world.events(job.id).count("retried") == KIND.max_attempts - 1


def test_a_job_that_can_never_succeed_fails_at_once_with_its_message(world: World) -> None:
    job = world.submit()

    def fail(_payload: dict[str, object], _context: JobContext) -> Outcome:
        raise JobFailedError("there is no such language")

    with running_lifecycle(world, fail) as lifecycle:
        lifecycle.run("canaries", job.id)

    assert world.get(job.id).error == {"type": "failed", "message": "there is no such language"}
    assert world.get(job.id).attempt == 1


def test_a_broken_handler_shows_the_owner_no_details_and_the_log_everything(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    job = world.submit()

    def break_down(_payload: dict[str, object], _context: JobContext) -> Outcome:
        raise ZeroDivisionError("secret")

    with running_lifecycle(world, break_down) as lifecycle, caplog.at_level(logging.ERROR):
        lifecycle.run("canaries", job.id)

    assert world.get(job.id).error == {"type": "internal", "message": "internal error"}
    assert "secret" in caplog.text


def test_a_crash_does_not_use_up_an_attempt(world: World) -> None:
    job = world.submit()
    world.execute("UPDATE jobs SET attempt = 2, crashes = 2 WHERE id = %s", job.id)

    def fail(_payload: dict[str, object], _context: JobContext) -> Outcome:
        raise TransientJobError("no")

    with running_lifecycle(world, fail, KIND) as lifecycle:
        lifecycle.run("canaries", job.id)

    assert world.state(job.id) == "queued"


def test_effects_happen_with_the_finish(world: World) -> None:
    job = world.submit()

    def work(_payload: dict[str, object], _context: JobContext) -> Outcome:
        return Outcome({}, (_write_effect,))

    with running_lifecycle(world, work) as lifecycle:
        lifecycle.run("canaries", job.id)

    assert world.count("SELECT count(*) FROM queues WHERE name = 'effect'") == 1


def test_a_fenced_job_leaves_no_effects(world: World) -> None:
    job = world.submit()

    def work(_payload: dict[str, object], context: JobContext) -> Outcome:
        world.execute("UPDATE jobs SET epoch = epoch + 1 WHERE id = %s", context.job_id)
        return Outcome({}, (_write_effect,))

    with running_lifecycle(world, work, beat_s=60) as lifecycle:
        lifecycle.run("canaries", job.id)

    assert world.count("SELECT count(*) FROM queues") == 0
    assert world.state(job.id) == "running"


def _write_effect(session: Session) -> None:
    session.execute(text("INSERT INTO queues (name) VALUES ('effect')"))


def test_cancelling_a_running_job_stops_its_work(world: World) -> None:
    handler = Blocking()
    job = world.submit()

    # The heart beats too slowly to notice, so it is the notification that stops the work.
    with running_lifecycle(world, handler, beat_s=60) as lifecycle:
        time.sleep(0.3)
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        assert handler.started.wait(5)
        with world.session() as session:
            submitting.cancel(session, job.id)
        thread.join(5)

    assert handler.was_stopped
    assert world.state(job.id) == "cancelled"


def test_the_heartbeat_keeps_a_job_that_takes_longer_than_its_lease(world: World) -> None:
    handler = Blocking()
    job = world.submit()

    with running_lifecycle(world, handler, replace(KIND, lease_s=0.5)) as lifecycle:
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        time.sleep(1.2)
        lease_is_over = world.count("SELECT count(*) FROM jobs WHERE lease_until < now()")
        handler.go_on.set()
        thread.join(5)

    assert lease_is_over == 0
    assert world.state(job.id) == "succeeded"


def test_the_heartbeat_stops_a_job_that_was_taken_away(world: World) -> None:
    handler = Blocking()
    job = world.submit()

    with running_lifecycle(world, handler) as lifecycle:
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        assert handler.started.wait(5)
        world.execute("UPDATE jobs SET epoch = epoch + 1 WHERE id = %s", job.id)
        thread.join(5)

    assert handler.was_stopped


def test_a_job_out_of_touch_with_the_database_for_longer_than_its_lease_is_queued_again_uncounted(
    world: World, postgres: PostgresServer
) -> None:
    handler = Blocking()
    job = world.submit()

    with running_lifecycle(world, handler, replace(KIND, lease_s=0.5), patience_s=0.2) as lifecycle:
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        assert handler.started.wait(5)
        with _database_away(postgres):
            assert handler.go_on.wait(20)
            time.sleep(1)
        thread.join(20)

    released = world.get(job.id)
    assert (released.state, released.attempt, released.crashes) == ("queued", 0, 0)
    assert world.events(job.id)[-1] == "released"


def test_a_job_out_of_touch_that_somebody_else_has_by_then_is_left_alone(world: World, engine: Engine) -> None:
    handler = Blocking()
    other = World(engine)
    job = world.submit()

    with running_lifecycle(world, handler, replace(KIND, lease_s=0.5), beat_s=60) as lifecycle:
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        assert handler.started.wait(5)
        (running,) = lifecycle._heartbeat.held()
        with world.session() as session:
            transitions.release(session, running.holder)
        other.claim(job.id)
        running.stop(StopReason.OUT_OF_TOUCH)
        thread.join(20)

    assert world.state(job.id) == "running"
    assert world.events(job.id)[-1] == "claimed"


def test_a_job_that_ended_while_the_database_was_away_beyond_all_patience_is_finished(
    world: World, postgres: PostgresServer
) -> None:
    handler = Blocking()
    job = world.submit()

    with running_lifecycle(world, handler, patience_s=0.1) as lifecycle:
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        assert handler.started.wait(5)
        with _database_away(postgres):
            handler.go_on.set()
            time.sleep(1)
        thread.join(20)

    finished = world.get(job.id)
    assert (finished.state, finished.attempt, finished.crashes) == ("succeeded", 1, 0)


def test_a_finish_that_fails_by_its_own_fault_is_given_up(world: World) -> None:
    job = world.submit()

    def work(_payload: dict[str, object], _context: JobContext) -> Outcome:
        return Outcome({}, (_end_connection,))

    with running_lifecycle(world, work, patience_s=0.3) as lifecycle, pytest.raises(OperationalError):
        lifecycle.run("canaries", job.id)

    assert world.state(job.id) == "running"


def _end_connection(session: Session) -> None:
    session.execute(text("SELECT pg_terminate_backend(pg_backend_pid())"))


def test_draining_waits_for_what_runs_and_claims_no_more(world: World) -> None:
    handler = Blocking()
    job, late = world.submit(), world.submit()

    with running_lifecycle(world, handler) as lifecycle:
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        assert handler.started.wait(5)
        draining = _in_thread(lambda: lifecycle.drain(10))
        time.sleep(0.1)
        lifecycle.run("canaries", late.id)
        handler.go_on.set()
        draining.join(5)
        thread.join(5)

    assert world.state(job.id) == "succeeded"
    assert world.state(late.id) == "queued"


def test_what_does_not_end_within_the_grace_is_queued_again_uncounted(world: World) -> None:
    handler = Blocking()
    job = world.submit()

    with running_lifecycle(world, handler) as lifecycle:
        thread = _in_thread(lambda: lifecycle.run("canaries", job.id))
        assert handler.started.wait(5)
        lifecycle.drain(0.1)
        thread.join(5)

    released = world.get(job.id)
    assert handler.was_stopped
    assert (released.state, released.attempt, released.crashes) == ("queued", 0, 0)


def test_draining_many_jobs_while_the_database_is_away_waits_once_for_all_of_them(
    world: World, postgres: PostgresServer
) -> None:
    handler = Blocking()
    jobs = [world.submit() for _ in range(32)]

    with running_lifecycle(world, handler) as lifecycle:
        # The default binds each thread's own job; mypy cannot infer such a lambda.
        threads = [_in_thread(lambda job=job: lifecycle.run("canaries", job.id)) for job in jobs]  # type: ignore[misc]
        while len(lifecycle._heartbeat.held()) < len(jobs):
            time.sleep(0.01)
        with _database_away(postgres):
            draining = _in_thread(lambda: lifecycle.drain(1))
            draining.join(20)
            has_ended = not draining.is_alive()
        for thread in (*threads, draining):
            thread.join(60)

    assert has_ended
    assert {(job.state, job.attempt, job.crashes) for job in map(world.get, [job.id for job in jobs])} == {
        ("queued", 0, 0)
    }


def test_a_living_worker_is_registered_and_a_stopped_one_is_not(world: World) -> None:
    with running_lifecycle(world, succeed_at_once):
        time.sleep(0.3)
        with world.session() as session:
            alive = workers.list_workers(session)
    with world.session() as session:
        left = workers.list_workers(session)

    assert [worker.id for worker in alive] == [world.worker]
    assert left == []


def test_a_job_that_is_queued_for_later_is_not_claimed_by_an_early_message(world: World) -> None:
    job = world.submit()
    holder = world.claim(job.id)
    with world.session() as session:
        transitions.retry_later(session, holder, {}, 60)

    with running_lifecycle(world, succeed_at_once) as lifecycle:
        lifecycle.run("canaries", job.id)

    assert world.state(job.id) == "queued"
