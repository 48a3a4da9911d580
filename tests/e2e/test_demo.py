"""The two commands of the README."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

from adapters.language_folder import language_names
from config.settings import REPOSITORY, inherit
from tests.embedded_stack import EmbeddedStack


def make(target: str, home: Path, sandbox: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        ["make", "--no-print-directory", target],
        cwd=REPOSITORY,
        env=inherit({"YARDMASTER_HOME": str(home), "SANDBOX": sandbox, "DATABASE_URL": "", "REDIS_URL": ""}),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_demo_runs_every_language_and_drives_a_ride_and_leaves_nothing_running(tmp_path: Path) -> None:
    demo = make("demo", tmp_path / "home", "docker")
    table, errors = demo.communicate(timeout=500)

    assert demo.returncode == 0, errors
    languages, ride = (part.splitlines()[1:] for part in table.split("\n\n"))
    rows = [re.split("  +", line) for line in languages]
    assert [row[0] for row in rows] == language_names(REPOSITORY / "sandbox_images")
    assert {row[2] for row in rows} == {"accepted"}
    assert [line.split()[-1] for line in ride if line.split()[-1] != "-"] == [
        "created",
        "matched",
        "matched",
        "started",
        "in-progress",
        "finished",
    ]
    assert EmbeddedStack(tmp_path / "home").remains() == {}


def test_the_demo_does_without_docker(tmp_path: Path) -> None:
    demo = make("demo", tmp_path / "home", "namespace")
    table, errors = demo.communicate(timeout=300)

    assert demo.returncode == 0, errors
    assert "python" in table
    assert "weaker" in errors
    assert EmbeddedStack(tmp_path / "home").remains() == {}


def test_up_stays_until_it_is_told_to_stop(tmp_path: Path) -> None:
    up = make("up", tmp_path / "home", "namespace")
    assert up.stdout is not None
    lines = []
    while not any("Ctrl-C" in line for line in lines):
        lines.append(up.stdout.readline())
        assert lines[-1], "the stack ended"

    shown = "".join(lines)
    up.send_signal(signal.SIGTERM)
    _, errors = up.communicate(timeout=60)

    assert "Stopping the processes, in 40 s at most" in errors
    assert all(title in shown for title in ("API ", "Docs ", "Flower ", "Key "))
    assert EmbeddedStack(tmp_path / "home").remains_after(30) == {}
