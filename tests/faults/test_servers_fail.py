"""Redis and PostgreSQL lose their data, stop, freeze and crash, with 200 jobs in flight."""

from __future__ import annotations

import os
import signal

import pytest

from tests.faults.effects import LEASE_S, Deed
from tests.faults.platform import Platform, wait_for
from tests.faults.scenario import Scenario

rounds = pytest.mark.parametrize("rounds", [2, pytest.param(8, marks=pytest.mark.chaos)])


@rounds
def test_flushed_broker_loses_no_job(scenario: Scenario, platform: Platform, rounds: int) -> None:
    scenario.fill(*[Deed()] * 130 * rounds)
    scenario.post(20 * rounds)
    scenario.wait_for_flight()

    with platform.redis() as client:
        for _ in range(rounds):
            client.flushall()
            scenario.pause(1.0)

    report = scenario.settled()
    assert report.broken == []
    assert report.total("redispatched") >= 1


@pytest.mark.parametrize("down_s", [4, pytest.param(20, marks=pytest.mark.chaos)])
def test_jobs_are_accepted_while_redis_is_down_and_run_afterwards(
    scenario: Scenario, platform: Platform, down_s: float
) -> None:
    scenario.fill(*[Deed()] * 240)
    scenario.wait_for_flight()

    platform.valkey.kill()
    accepted_before = len(scenario.ledger.promises)
    scenario.post(40, per_second=20)
    scenario.pause(down_s)
    accepted_meanwhile = len(scenario.ledger.promises) - accepted_before
    platform.valkey.start()

    report = scenario.settled()
    assert report.broken == []
    assert accepted_meanwhile == 40
    assert scenario.ledger.busy_answers == 0


@pytest.mark.parametrize("frozen_s", [4, pytest.param(12, marks=pytest.mark.chaos)])
def test_frozen_redis_delays_jobs_and_loses_none(scenario: Scenario, platform: Platform, frozen_s: float) -> None:
    scenario.fill(*[Deed()] * 240)
    scenario.wait_for_flight()
    frozen = platform.valkey.pid
    assert frozen is not None

    os.kill(frozen, signal.SIGSTOP)
    accepted_before = len(scenario.ledger.promises)
    scenario.post(40, per_second=20)
    scenario.pause(frozen_s)
    accepted_meanwhile = len(scenario.ledger.promises) - accepted_before
    os.kill(frozen, signal.SIGCONT)

    report = scenario.settled()
    assert report.broken == []
    assert accepted_meanwhile == 40


def test_lost_leases_are_rescued_while_redis_is_frozen(scenario: Scenario, platform: Platform) -> None:
    scenario.fill(*[Deed(sleep_s=LEASE_S)] * 16, *[Deed()] * 240)
    scenario.wait_for_flight()
    frozen = platform.valkey.pid
    assert frozen is not None

    os.kill(frozen, signal.SIGSTOP)
    try:
        platform["effects-1"].kill()
        wait_for(scenario.are_victims_rescued, "the rescue", timeout_s=10)
    finally:
        os.kill(frozen, signal.SIGCONT)

    assert scenario.settled().broken == []


@pytest.mark.parametrize("down_s", [0.5, pytest.param(20, marks=pytest.mark.chaos)])
def test_crashed_database_forgets_no_accepted_job(scenario: Scenario, platform: Platform, down_s: float) -> None:
    scenario.fill(*[Deed(), Deed(failures=1)] * 120)
    scenario.submit(*[Deed()] * 100, per_second=20)
    scenario.post(60, per_second=20)
    scenario.wait_for_flight()

    platform.postgres.kill()
    scenario.pause(down_s)
    platform.postgres.start()

    assert scenario.settled().broken == []


@pytest.mark.parametrize("down_s", [2 * LEASE_S, pytest.param(20, marks=pytest.mark.chaos)])
def test_database_away_for_longer_than_a_lease_costs_no_attempt_and_no_crash(
    scenario: Scenario, platform: Platform, down_s: float
) -> None:
    scenario.fill(*[Deed(sleep_s=3 * LEASE_S)] * 16, *[Deed()] * 240)
    scenario.wait_for_flight()
    scenario.pause(0.5)

    platform.postgres.kill()
    scenario.pause(down_s)
    platform.postgres.start()

    report = scenario.settled()
    assert report.broken == []
    assert report.total("released") >= 1
    assert report.total("rescued") == 0
    assert {row.attempt for row in report.rows} == {1}
