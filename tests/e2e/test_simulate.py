"""Drivers and passengers in the whole stack, matched by its ticks."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.simulation.report import COLUMNS
from tests.embedded_stack import EmbeddedStack


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    stack = EmbeddedStack(tmp_path_factory.mktemp("simulated") / "home")
    stack.start()
    yield stack
    stack.end(signal.SIGKILL)


def simulate_until_driving(stack: EmbeddedStack, rides: int, errors: Path) -> subprocess.CompletedProcess[str]:
    """Simulate until so many rides have a driver, and interrupt then."""
    arguments = ("--drivers", "60", "--rides-per-min", "60", "--speed-up", "5", "--json")
    process = subprocess.Popen(
        stack.command("simulate", *arguments),
        env=stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    with errors.open("w") as log:
        for line in process.stderr:
            log.write(line)
            cells = line.split()
            if len(cells) == len(COLUMNS) and cells[0] != "time" and int(cells[COLUMNS.index("driving")]) >= rides:
                process.send_signal(signal.SIGINT)
                break
    output, _ = process.communicate(timeout=300)
    return subprocess.CompletedProcess(process.args, process.returncode, output)


def test_an_interrupted_simulation_ends_its_rides_and_revokes_its_keys(stack: EmbeddedStack, tmp_path: Path) -> None:
    errors = tmp_path / "progress"
    ran = simulate_until_driving(stack, 3, errors)

    assert ran.returncode == 130, errors.read_text()
    result = json.loads(ran.stdout)
    assert result["is_fine"], result
    assert result["counts"]["offers accepted"] >= 3
    assert {"passengers waiting", "passengers with a driver", "drivers on a ride"} & set(result["counts"]) == set()
    keys = json.loads(stack.run("keys", "list", "--json").stdout)
    temporary = [key for key in keys if key["name"] == "temporary"]
    assert len(temporary) > 60
    assert all(key["revoked_at"] for key in temporary)


def test_an_unknown_city_is_told_with_those_that_there_are(stack: EmbeddedStack) -> None:
    ran = stack.run("simulate", "--city", "atlantis")

    assert ran.returncode == 2
    assert "demo" in ran.stderr
