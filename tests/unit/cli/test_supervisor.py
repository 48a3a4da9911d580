from __future__ import annotations

import io
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from cli.stack.supervisor import Supervisor
from config.settings import inherit

POLITE = """
import signal, sys, time, pathlib
signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path(sys.argv[1]).write_text("stopped"), sys.exit(0)))
print("up", flush=True)
time.sleep(60)
"""
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up', flush=True); time.sleep(60)"
)
CRASHES_ONCE = """
import pathlib, sys, time
seen = pathlib.Path(sys.argv[1])
if seen.exists():
    print("second life", flush=True); time.sleep(60)
seen.touch(); sys.exit(3)
"""
SUPERVISE = """
import os, sys
from pathlib import Path
from cli.stack.supervisor import Supervisor
supervisor = Supervisor(sys.stdout, 5)
supervisor.add("sleeper", ["sleep", "60"], dict(os.environ), Path("/"))
supervisor.loop()
"""


@pytest.fixture(autouse=True)
def _signals() -> Iterator[None]:
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGTERM, before[0])
    signal.signal(signal.SIGINT, before[1])


def run(supervisor: Supervisor, *commands: list[str]) -> None:
    for number, command in enumerate(commands):
        supervisor.add(f"p{number}", [sys.executable, "-c", *command], inherit({}), Path("/"))
    supervisor.loop()


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_stop_lets_every_process_end_by_itself(tmp_path: Path) -> None:
    output = io.StringIO()
    supervisor = Supervisor(output, grace_s=20)

    def stop_when_up() -> None:
        until(lambda: output.getvalue().count("| up") == 2)
        supervisor.terminate()

    supervisor.when_started(stop_when_up)
    run(supervisor, [POLITE, str(tmp_path / "a")], [POLITE, str(tmp_path / "b")])

    assert (tmp_path / "a").read_text() == (tmp_path / "b").read_text() == "stopped"


def test_a_stop_is_told_once_and_at_its_beginning(tmp_path: Path) -> None:
    output = io.StringIO()
    supervisor = Supervisor(output, grace_s=20)
    told: list[bool] = []

    def stop_when_up() -> None:
        until(lambda: output.getvalue().count("| up") == 1)
        supervisor.terminate()
        supervisor.terminate()

    supervisor.when_started(stop_when_up)
    supervisor.when_stopping(lambda: told.append((tmp_path / "a").exists()))
    run(supervisor, [POLITE, str(tmp_path / "a")])

    assert told == [False]


def test_a_process_that_does_not_stop_is_killed_after_the_grace() -> None:
    output = io.StringIO()
    supervisor = Supervisor(output, grace_s=0.5)

    def stop_when_up() -> None:
        until(lambda: output.getvalue().count("| up") == 2)
        supervisor.terminate()

    supervisor.when_started(stop_when_up)
    run(supervisor, [POLITE, "/dev/null"], [STUBBORN])

    assert "rc=-9" in output.getvalue()


def test_a_process_that_crashes_is_started_again(tmp_path: Path) -> None:
    output = io.StringIO()
    supervisor = Supervisor(output, grace_s=5)

    def stop_in_second_life() -> None:
        until(lambda: "second life" in output.getvalue())
        supervisor.terminate()

    supervisor.when_started(stop_in_second_life)
    run(supervisor, [CRASHES_ONCE, str(tmp_path / "seen")])

    assert "ended with 3, starting it again" in output.getvalue()
    assert supervisor.broken is None


def test_a_process_that_keeps_crashing_stops_everything() -> None:
    output = io.StringIO()
    supervisor = Supervisor(output, grace_s=5)

    run(supervisor, ["raise SystemExit(7)"], [POLITE, "/dev/null"])

    assert supervisor.broken == "p0"
    assert supervisor.returncode == 7
    assert output.getvalue().count("starting it again") == 2


def test_a_process_that_refuses_its_settings_is_not_started_again() -> None:
    output = io.StringIO()
    supervisor = Supervisor(output, grace_s=5)

    run(supervisor, ["raise SystemExit(78)"], [POLITE, "/dev/null"])

    assert (supervisor.broken, supervisor.returncode) == ("p0", 78)
    assert "starting it again" not in output.getvalue()


def test_nothing_outlives_a_supervisor_that_is_killed() -> None:
    supervisor = subprocess.Popen([sys.executable, "-c", SUPERVISE], stdout=subprocess.PIPE, text=True)
    assert supervisor.stdout is not None
    pid = int(supervisor.stdout.readline().rsplit("pid=", 1)[1].rstrip(")\n"))

    supervisor.kill()
    supervisor.communicate()

    until(lambda: not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text())
