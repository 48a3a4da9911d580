"""A whole platform to measure: the embedded stack in a folder of its own, as ``yardmaster up`` starts it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class RunningStack:
    """Where the platform answers, with an administrator's key that no rate limit slows down, and its ``home``."""

    home: Path
    api: str
    api_key: str
    database_url: str
    redis_url: str


@contextmanager
def running_stack(sandbox: str = "docker") -> Iterator[RunningStack]:
    """Start everything in a temporary home and stop it again."""
    with tempfile.TemporaryDirectory(prefix="yardmaster-bench-") as folder:
        # PostgreSQL drops to another user, who has to reach its files.
        Path(folder).chmod(0o755)
        home = Path(folder) / "home"
        environment = {**os.environ, "YARDMASTER_HOME": str(home), "SANDBOX": sandbox}
        command = [sys.executable, "-m", "cli", "up", "--json"]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
            try:
                yield _read_addresses(process, home)
            finally:
                process.send_signal(signal.SIGINT)
                process.wait()


def _read_addresses(process: subprocess.Popen[str], home: Path) -> RunningStack:
    assert process.stdout is not None
    printed = ""
    for line in process.stdout:
        printed += line
        try:
            json.loads(printed)
        except ValueError:
            continue  # The object goes on in the next line.
        addresses = json.loads((home / "stack.json").read_text())
        told = {name: addresses[name] for name in ("api", "api_key", "database_url", "redis_url")}
        return RunningStack(home, **told)
    raise RuntimeError(f"the stack did not start: exit code {process.wait()}")
