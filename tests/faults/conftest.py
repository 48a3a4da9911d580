"""One platform for all short fault tests, and the table of what was measured."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.platform import Platform
from tests.faults.scenario import Measurement, Scenario

ROSTER = ("api-1", "api-2", "dispatcher-1", "dispatcher-2", "effects-1", "effects-2", "code-1")
MEASUREMENTS: list[Measurement] = []


@pytest.fixture(scope="session")
def shared_platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    platform = Platform(tmp_path_factory.mktemp("faults"), is_quick=True)
    try:
        platform.start()
        yield platform
    finally:
        platform.end()


@pytest.fixture
def platform(shared_platform: Platform) -> Platform:
    """Every server and process is up, whatever the test before did to them."""
    shared_platform.postgres.start()
    shared_platform.valkey.start()
    shared_platform.muster(*ROSTER)
    return shared_platform


@pytest.fixture
def scenario(platform: Platform, request: pytest.FixtureRequest) -> Iterator[Scenario]:
    scenario = Scenario(platform, request.node.name.removeprefix("test_"))
    yield scenario
    scenario.end()
    if scenario.measurement is not None:
        MEASUREMENTS.append(scenario.measurement)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not MEASUREMENTS:
        return
    terminalreporter.section("faults")
    terminalreporter.line("accepted  in flight  asked again  told busy  settled s  fault: transitions")
    for m in MEASUREMENTS:
        events = ", ".join(f"{name} {count}" for name, count in sorted(m.events.items()))
        numbers = f"{m.accepted:8}  {m.in_flight:9}  {m.asked_again:11}  {m.told_busy:9}  {m.settled_s:9}"
        terminalreporter.line(f"{numbers}  {m.fault}: {events}")
