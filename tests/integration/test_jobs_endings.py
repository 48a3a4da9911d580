"""What a handler made cannot always be written: that is a failed attempt, and no crash."""

from __future__ import annotations

import math

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from jobs.model import Outcome
from tests.integration.jobs_world import World, running_lifecycle


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


@pytest.mark.parametrize("result", [{"answer": math.nan}, {"answer": {1, 2}}], ids=["nan", "no json"])
def test_a_result_that_cannot_be_written_is_a_failed_attempt_and_no_crash(
    world: World, result: dict[str, object]
) -> None:
    job = world.submit()

    with running_lifecycle(world, lambda _payload, _context: Outcome(result)) as lifecycle:
        lifecycle.run("canaries", job.id)

    left = world.get(job.id)
    assert (left.state, left.attempt, left.crashes) == ("queued", 1, 0)
    assert left.error == {"type": "internal", "message": "internal error"}


def test_an_effect_that_breaks_is_a_failed_attempt_and_no_crash(world: World) -> None:
    job = world.submit()

    def break_down(_session: Session) -> None:
        raise RuntimeError

    with running_lifecycle(world, lambda _payload, _context: Outcome({}, (break_down,))) as lifecycle:
        lifecycle.run("canaries", job.id)

    assert (world.get(job.id).state, world.get(job.id).crashes) == ("queued", 0)
