"""The two commands of the README."""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

from adapters.ffmpeg import missing_programs
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


def test_the_demo_shows_every_language_a_ride_and_content_and_leaves_nothing_running(tmp_path: Path) -> None:
    demo = make("demo", tmp_path / "home", "docker")
    table, errors = demo.communicate(timeout=500)

    assert demo.returncode == 0, errors
    languages, ride, content = (part.splitlines()[1:] for part in table.split("\n\n"))
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
    did, results = zip(*(re.split("  +", line)[2:] for line in content), strict=True)
    assert re.fullmatch("answers .+ in .+", did[0])
    assert re.fullmatch(r"accepted, (\d+) of \1 cases", results[0])
    assert [result.split(",")[0] for result in results[1:3]] == ["200 MISS", "200 HIT"]
    assert re.fullmatch(r"(\d+) made stale, \d+ fetched, \d+ proven", results[3])
    assert [result.split(",")[0] for result in results[4:6]] == ["200 STALE", "200 HIT"]
    if missing_programs():
        assert did[6:] == ("makes no film",)
    else:
        assert results[6] == "encoded: sd 320x180"
        assert "and 200 HIT" in results[7]
        assert results[8:] == ("a-recipe-for-thunder, times: 1", "the POP answers 404")
    assert EmbeddedStack(tmp_path / "home").remains() == {}


def test_the_demo_does_without_docker(tmp_path: Path) -> None:
    demo = make("demo", tmp_path / "home", "namespace")
    table, errors = demo.communicate(timeout=300)

    assert demo.returncode == 0, errors
    assert "python" in table
    assert re.search(r"answers .+ accepted, (\d+) of \1 cases", table)
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
