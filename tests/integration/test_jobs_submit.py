"""Submitting: once per idempotency key, within the queue's bound, alone or as a batch."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from uuid import uuid4

import pytest
from sqlalchemy import Engine

from jobs import submit as submitting
from jobs.kinds import KINDS, UnknownKindError
from jobs.model import NewJob
from jobs.submit import (
    Idempotency,
    IdempotencyConflictError,
    JobNotFoundError,
    JobStateError,
    QueueFullError,
    Submission,
    fingerprint,
    submit,
    submit_batch,
)
from store.jobs import reads, transitions
from store.jobs.reads import JobFilter
from tests.integration.jobs_world import World

JOB = NewJob("canaries", "alice", {"n": 1})


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def test_fifty_racing_requests_with_one_key_make_one_job(world: World) -> None:
    key = Idempotency("key", fingerprint(JOB.payload))

    def request(_: int) -> Submission:
        with world.session() as session:
            return submit(session, JOB, key)

    with ThreadPoolExecutor(10) as pool:
        submissions = list(pool.map(request, range(50)))

    assert len({submission.job.id for submission in submissions}) == 1
    assert sum(not submission.is_replayed for submission in submissions) == 1
    assert world.count("SELECT count(*) FROM jobs") == 1


def test_the_same_key_with_another_request_is_refused(world: World) -> None:
    with world.session() as session:
        submit(session, JOB, Idempotency("key", fingerprint({"n": 1})))

        with pytest.raises(IdempotencyConflictError):
            submit(session, JOB, Idempotency("key", fingerprint({"n": 2})))

    assert world.count("SELECT count(*) FROM jobs") == 1


def test_owners_do_not_share_keys(world: World) -> None:
    key = Idempotency("key", b"same")
    with world.session() as session:
        mine = submit(session, JOB, key)
        theirs = submit(session, NewJob("canaries", "bob", {"n": 1}), key)

    assert mine.job.id != theirs.job.id
    assert not theirs.is_replayed


def test_an_unknown_kind_is_refused(world: World) -> None:
    with world.session() as session, pytest.raises(UnknownKindError):
        submit(session, NewJob("dreams", "alice", {}))


def test_a_full_queue_refuses_and_writes_nothing(world: World) -> None:
    bound = KINDS["canaries"].max_depth
    world.execute(
        "INSERT INTO jobs (id, kind, queue, owner, state, payload, max_attempts)"
        " SELECT gen_random_uuid(), 'canaries', 'canaries', 'alice', 'queued', '{}', 3 FROM generate_series(1, %s)",
        bound,
    )

    with world.session() as session, pytest.raises(QueueFullError) as refused:
        submit(session, JOB, Idempotency("key", b"1"))

    assert refused.value.retry_after_s > 0
    assert world.count("SELECT count(*) FROM jobs") == bound
    assert world.count("SELECT count(*) FROM idempotency_keys") == 0


@pytest.mark.parametrize("state", ["queued", "dispatched", "running"])
def test_a_job_that_is_not_over_can_be_cancelled(world: World, state: str) -> None:
    job = world.in_state(state)

    with world.session() as session:
        cancelled = submitting.cancel(session, job.id, "alice")

    assert cancelled.state == "cancelled"
    assert cancelled.epoch == job.epoch + 1


def test_cancelling_twice_is_cancelling_once(world: World) -> None:
    job = world.in_state("cancelled")

    with world.session() as session:
        again = submitting.cancel(session, job.id)

    assert again == job


@pytest.mark.parametrize("state", ["succeeded", "failed", "expired"])
def test_a_job_that_is_over_cannot_be_cancelled(world: World, state: str) -> None:
    job = world.in_state(state)

    with world.session() as session, pytest.raises(JobStateError) as refused:
        submitting.cancel(session, job.id)

    assert refused.value.state == state


def test_another_owners_job_is_not_found(world: World) -> None:
    job = world.in_state("failed")

    with world.session() as session:
        for steer in (submitting.cancel, submitting.retry, submitting.get):
            with pytest.raises(JobNotFoundError):
                steer(session, job.id, "mallory")
        with pytest.raises(JobNotFoundError):
            submitting.get(session, uuid4())


def test_a_dead_letter_is_listed_and_runs_again_with_all_its_attempts(world: World) -> None:
    job = world.in_state("failed")

    with world.session() as session:
        dead = reads.list_jobs(session, JobFilter(owner="alice", state="failed"), 10)
        again = submitting.retry(session, job.id, "alice")

    assert [letter.id for letter in dead] == [job.id]
    assert (again.state, again.attempt, again.error) == ("queued", 0, None)


def test_lists_are_read_page_by_page_newest_first(world: World) -> None:
    ids = [world.submit().id for _ in range(5)]
    world.submit(owner="bob")

    with world.session() as session:
        first = reads.list_jobs(session, JobFilter(owner="alice"), 3)
        second = reads.list_jobs(session, JobFilter(owner="alice"), 3, before=first[-1].id)

    assert [job.id for job in (*first, *second)] == sorted(ids, reverse=True)


def test_a_batch_succeeds_with_its_last_child(world: World) -> None:
    with world.session() as session:
        batch = submit_batch(session, [JOB] * 3).job
        children = reads.child_states(session, batch.id)
        holders = [world.claim(child) for child in children]
        for holder in holders[:2]:
            transitions.succeed(session, holder, {})
        assert (world.get(batch.id).state, world.get(batch.id).pending_children) == ("running", 1)

        transitions.fail(session, holders[2], {"message": "no"})

    finished = world.get(batch.id)
    assert (finished.state, finished.pending_children, finished.children_total) == ("succeeded", 0, 3)
    assert world.events(batch.id) == ["submitted", "succeeded"]


def test_a_failed_child_that_runs_again_opens_its_batch(world: World) -> None:
    with world.session() as session:
        batch = submit_batch(session, [JOB]).job
        (child,) = reads.child_states(session, batch.id)
        transitions.fail(session, world.claim(child), {"message": "no"})
        assert world.state(batch.id) == "succeeded"

        submitting.retry(session, child)
        assert world.state(batch.id) == "running"

        transitions.succeed(session, world.claim(child), {})

    assert (world.state(batch.id), world.get(batch.id).pending_children) == ("succeeded", 0)


def test_cancelling_a_batch_while_its_children_finish_ends_every_job_once(world: World) -> None:
    with world.session() as session:
        batch = submit_batch(session, [JOB] * 40).job
        holders = [world.claim(child) for child in reads.child_states(session, batch.id)]

    def finish(holder: transitions.Holder) -> None:
        with world.session() as session:
            transitions.succeed(session, holder, {})

    def cancel() -> None:
        # The last child may have been quicker.
        with world.session() as session, suppress(JobStateError):
            submitting.cancel(session, batch.id)

    with ThreadPoolExecutor(8) as pool:
        halves = [pool.submit(finish, holder) for holder in holders[:20]]
        halves.append(pool.submit(cancel))
        halves += [pool.submit(finish, holder) for holder in reversed(holders[20:])]
        for half in halves:
            half.result()

    with world.session() as session:
        states = reads.child_states(session, batch.id).values()
    assert len(states) == 40
    assert set(states) <= {"succeeded", "cancelled"}
    assert world.state(batch.id) == ("cancelled" if "cancelled" in states else "succeeded")


def test_a_batch_of_several_owners_is_refused(world: World) -> None:
    with world.session() as session, pytest.raises(ValueError, match="one owner"):
        submit_batch(session, [JOB, NewJob("canaries", "bob", {})])
