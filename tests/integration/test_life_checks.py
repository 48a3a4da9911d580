"""``yardmaster dispatcher check`` and ``yardmaster beat check`` tell a process that works from one that hangs."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from config.settings import inherit
from tests.sandboxes import eventually

# Longer than any process may be silent.
HOUR_S = 3600
# Beat ticks every ten seconds.
TICK_TIMEOUT_S = 40


class Role:
    """A process of the platform, and its health check."""

    def __init__(self, name: str, home: Path, servers: dict[str, str]) -> None:
        self._command = [sys.executable, "-m", "cli", name]
        self._environment = inherit(servers | {"YARDMASTER_HOME": str(home)})
        self._signs = home / name
        self.process = subprocess.Popen(
            self._command, env=self._environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def is_well(self) -> bool:
        check = subprocess.run([*self._command, "check"], env=self._environment, capture_output=True, check=False)
        return check.returncode == 0

    def hang(self) -> None:
        """Stop the process, and return when it has stopped."""
        self.process.send_signal(signal.SIGSTOP)
        os.waitpid(self.process.pid, os.WUNTRACED)

    def let_an_hour_pass(self) -> None:
        for path in self._signs.iterdir():
            then = path.stat().st_mtime - HOUR_S
            os.utime(path, (then, then))


@pytest.fixture(params=["dispatcher", "beat"])
def role(request: pytest.FixtureRequest, tmp_path: Path, database_url: str, redis_url: str) -> Iterator[Role]:
    role = Role(request.param, tmp_path / "home", {"DATABASE_URL": database_url, "REDIS_URL": redis_url})
    with role.process:
        yield role
        role.process.kill()


def test_a_process_that_hangs_is_told_from_one_that_works(role: Role) -> None:
    eventually(role.is_well, TICK_TIMEOUT_S)

    role.hang()
    role.let_an_hour_pass()
    assert not role.is_well()

    role.process.send_signal(signal.SIGCONT)
    eventually(role.is_well, TICK_TIMEOUT_S)
