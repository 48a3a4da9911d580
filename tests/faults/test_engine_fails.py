"""Containers are killed and their engine restarts, with 200 jobs in flight; the engine is one of the tests' own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.effects import Deed
from tests.faults.engine import OwnEngine
from tests.faults.platform import Platform
from tests.faults.scenario import Scenario

RUN_S = 0.3
"""How long a program sleeps, so that the faults find many in the middle of their run."""


@pytest.fixture(scope="module")
def own_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[OwnEngine]:
    if not OwnEngine.is_possible():
        pytest.skip("only root may start an engine of its own, and Docker's must be installed")
    engine = OwnEngine(tmp_path_factory.mktemp("engine"))
    try:
        engine.start()
        engine.load("yardmaster/python")
        yield engine
    finally:
        engine.end()


@pytest.fixture
def engine(own_engine: OwnEngine, platform: Platform) -> Iterator[OwnEngine]:
    """The engine that the only code worker uses."""
    platform.muster(*[name for name in platform.children if not name.startswith("code-")])
    platform.run("code-9", SANDBOX="docker", DOCKER_HOST=own_engine.host)
    yield own_engine
    platform.end_child("code-9")


@pytest.mark.parametrize("rounds", [1, pytest.param(5, marks=pytest.mark.chaos)])
def test_containers_killed_from_outside_fail_no_run(scenario: Scenario, engine: OwnEngine, rounds: int) -> None:
    scenario.fill(*[Deed()] * 220)
    scenario.post(60 * rounds, run_s=RUN_S)
    scenario.wait_for_flight()

    killed = 0
    for _ in range(6 * rounds):
        scenario.pause(0.5)
        killed += sum(engine.kill_container(container) for container in engine.containers()[:2])

    assert scenario.settled().broken == []
    assert killed >= 4


@pytest.mark.parametrize("how", ["restart", pytest.param("crash", marks=pytest.mark.chaos)])
def test_engine_that_restarts_fails_no_run(
    scenario: Scenario, platform: Platform, engine: OwnEngine, how: str
) -> None:
    scenario.fill(*[Deed()] * 220)
    scenario.post(60, run_s=RUN_S)
    scenario.wait_for_flight()
    scenario.pause(2.0)

    if how == "crash":
        engine.kill()
        engine.start()
    else:
        engine.restart()

    assert scenario.settled().broken == []
    assert platform["code-9"].is_running
