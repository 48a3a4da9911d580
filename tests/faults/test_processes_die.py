"""Processes are killed, told to stop, frozen, or kill themselves, with 200 jobs in flight."""

from __future__ import annotations

import pytest

from jobs.model import Priority
from tests.faults.effects import LEASE_S, Deed
from tests.faults.platform import Platform, wait_for
from tests.faults.scenario import Scenario
from tests.faults.worker_app import QUICK_PACE

MOST_FAIL_NEVER = (*[Deed()] * 9, Deed(failures=1))
"""Of ten jobs one fails in its first attempt, so that retries are under way when a fault strikes."""

rounds = pytest.mark.parametrize("rounds", [1, pytest.param(6, marks=pytest.mark.chaos)])


@rounds
def test_killed_workers_lose_no_job(scenario: Scenario, platform: Platform, rounds: int) -> None:
    for _ in range(rounds):
        scenario.fill(*MOST_FAIL_NEVER * 24)
        scenario.post(40)
        scenario.wait_for_flight()

        for name in ("effects-1", "code-1"):
            platform[name].kill()
        platform.revive()

    report = scenario.settled()
    assert report.broken == []
    assert report.total("rescued") >= 1


def test_rolling_deploy_counts_no_attempt_and_ends_within_the_grace(scenario: Scenario, platform: Platform) -> None:
    longer_than_the_grace = Deed(sleep_s=2 * QUICK_PACE.grace_s)
    scenario.fill(*[*[longer_than_the_grace] * 12, *[Deed()] * 240])
    scenario.post(40, per_second=20)
    scenario.wait_for_flight()

    for name in ("effects-1", "effects-2", "code-1"):
        platform[name].terminate()
        ended_after_s = platform[name].wait()
        platform.run(name)

        assert ended_after_s < QUICK_PACE.grace_s + QUICK_PACE.stuck_s

    report = scenario.settled()
    assert report.broken == []
    assert report.total("released") >= 1
    assert report.total("rescued") == 0
    assert {row.attempt for row in report.rows} == {1}


@pytest.mark.parametrize("zombies", [1, pytest.param(4, marks=pytest.mark.chaos)])
def test_zombie_worker_past_its_lease_overwrites_nothing(
    scenario: Scenario, platform: Platform, zombies: int
) -> None:
    # They are claimed first and, once rescued, first again; the zombie ends its work while another still does it.
    victim = Deed(sleep_s=1.5 * LEASE_S, is_deaf=True, priority=Priority.INTERACTIVE)
    for _ in range(zombies):
        scenario.fill(*[victim] * 16, *[Deed(priority=Priority.BATCH)] * 240)
        scenario.post(40)
        scenario.wait_for_flight()
        scenario.pause(0.5)

        for name in ("effects-1", "code-1"):
            platform[name].freeze()
        wait_for(scenario.are_victims_running_again, "the zombie's jobs to run elsewhere")
        for name in ("effects-1", "code-1"):
            platform[name].thaw()
        wait_for(lambda: not scenario.are_victims_running_again(), "them to end")

    report = scenario.settled()
    assert report.broken == []
    assert report.total("rescued") >= 1


@rounds
def test_killed_api_processes_accept_each_request_once(scenario: Scenario, platform: Platform, rounds: int) -> None:
    for _ in range(rounds):
        scenario.fill(*[Deed()] * 240)
        scenario.post(160, clients=8, per_second=60)
        scenario.wait_for_flight()

        for name in ("api-1", "api-2"):
            platform[name].kill()
            platform.run(name)

    report = scenario.settled()
    assert report.broken == []
    assert scenario.ledger.retries >= 1


@rounds
def test_killed_dispatchers_lose_no_job(scenario: Scenario, platform: Platform, rounds: int) -> None:
    for _ in range(rounds):
        scenario.fill(*MOST_FAIL_NEVER * 26)
        scenario.post(40, per_second=20)
        scenario.wait_for_flight()

        for _ in range(2):
            for name in ("dispatcher-1", "dispatcher-2"):
                platform[name].kill()
            scenario.pause(0.3)
            platform.revive()
            scenario.pause(0.7)

    assert scenario.settled().broken == []


def test_poison_job_ends_after_three_crashes_and_the_queue_moves_on(scenario: Scenario, platform: Platform) -> None:
    scenario.fill(*[Deed()] * 60, Deed(is_poison=True), *[Deed()] * 200)
    scenario.wait_for_flight()

    report = scenario.settled()

    assert report.broken == []
    (poison,) = [row for row in report.rows if row.state == "failed"]
    assert (poison.attempt, poison.crashes) == (3, 3)
    assert poison.error is not None
    assert platform["effects-1"].lives + platform["effects-2"].lives >= 5
