"""Each transition happens from the states that allow it, and is refused from every other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from jobs.model import JobState
from store.jobs import reads, transitions
from store.jobs.records import Job
from store.jobs.transitions import Holder
from tests.integration.jobs_world import World

STATES = [state.value for state in JobState]


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


def _holder(world: World, job: Job) -> Holder:
    return Holder(job.id, job.epoch, world.worker)


TRANSITIONS: dict[str, tuple[set[str], str, Callable[[World, Job], object]]] = {
    "claim": ({"queued", "dispatched"}, "running",
              lambda w, j: transitions.claim(w.session(), j.id, w.worker, 30)),
    "succeed": ({"running"}, "succeeded", lambda w, j: transitions.succeed(w.session(), _holder(w, j), {"n": 1})),
    "fail": ({"running"}, "failed", lambda w, j: transitions.fail(w.session(), _holder(w, j), {"message": "no"})),
    "retry_later": ({"running"}, "queued",
                    lambda w, j: transitions.retry_later(w.session(), _holder(w, j), {"message": "no"}, 5)),
    "release": ({"running"}, "queued", lambda w, j: transitions.release(w.session(), _holder(w, j))),
    "give_back": ({"dispatched"}, "queued", lambda w, j: transitions.give_back(w.session(), j.id)),
    "cancel": ({"queued", "dispatched", "running"}, "cancelled", lambda w, j: transitions.cancel(w.session(), j.id)),
    "rerun": ({"failed"}, "queued", lambda w, j: transitions.rerun(w.session(), j.id)),
}  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", TRANSITIONS)
def test_a_transition_is_made_from_its_own_states_only(world: World, name: str, state: str) -> None:
    allowed, target, make = TRANSITIONS[name]
    before = world.in_state(state)

    changed = make(world, before)

    after = world.get(before.id)
    if state in allowed:
        assert changed
        assert after.state == target
        assert after.version > before.version
        assert len(world.events(before.id)) > 0
    else:
        assert not changed
        assert after == before


def test_every_transition_leaves_one_event(world: World) -> None:
    job = world.submit()

    holder = world.claim(job.id)
    with world.session() as session:
        transitions.retry_later(session, holder, {"message": "once more"}, 0)
    again = world.claim(job.id)
    with world.session() as session:
        transitions.succeed(session, again, {})

    assert world.events(job.id) == ["submitted", "claimed", "retried", "claimed", "succeeded"]


def test_events_are_read_from_where_the_reader_left_off(world: World) -> None:
    job = world.submit()
    world.claim(job.id)

    with world.session() as session:
        first, second = reads.events_after(session, job.id)
        rest = reads.events_after(session, job.id, after=first.id)

    assert rest == [second]


def test_a_late_finish_of_a_fenced_worker_changes_nothing(world: World) -> None:
    job = world.submit()
    zombie = world.claim(job.id)
    with world.session() as session:
        transitions.release(session, zombie)
    world.claim(job.id)
    before = world.get(job.id)

    with world.session() as session:
        finished = transitions.succeed(session, zombie, {"from": "zombie"})

    assert not finished
    assert world.get(job.id) == before


def test_a_claim_with_the_same_epoch_by_another_worker_is_no_key_to_the_job(world: World, engine: Engine) -> None:
    job = world.submit()
    holder = world.claim(job.id)
    other = World(engine).worker

    with world.session() as session:
        finished = transitions.succeed(session, Holder(job.id, holder.epoch, other), {})

    assert not finished
    assert world.state(job.id) == "running"


def test_a_release_gives_the_attempt_back(world: World) -> None:
    job = world.submit()
    holder = world.claim(job.id)

    with world.session() as session:
        transitions.release(session, holder)

    assert world.get(job.id).attempt == 0


def test_progress_is_shown_without_an_event(world: World) -> None:
    job = world.submit()
    holder = world.claim(job.id)

    with world.session() as session:
        shown = transitions.report_progress(session, holder, {"done": 1})

    assert shown
    assert world.get(job.id).progress == {"done": 1}
    assert world.events(job.id) == ["submitted", "claimed"]


def test_the_database_refuses_a_state_that_the_code_does_not_know(world: World) -> None:
    job = world.submit()

    with pytest.raises(IntegrityError, match="jobs_state_check"):
        world.execute("UPDATE jobs SET state = 'resting' WHERE id = %s", job.id)
