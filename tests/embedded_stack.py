"""A ``yardmaster up`` of a test's own, and the question whether anything of it is left."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from config.settings import inherit

START_TIMEOUT_S = 120.0


class EmbeddedStack:
    """One stack in ``home``; programs run in namespaces, so that no engine is needed."""

    def __init__(self, home: Path, changes: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.environment = inherit(
            {"YARDMASTER_HOME": str(home), "SANDBOX": "namespace", "DATABASE_URL": "", "REDIS_URL": ""}
            | dict(changes or {})
        )
        self.process: subprocess.Popen[str] | None = None

    def start(self) -> dict[str, str]:
        """Start it and return what it says of itself once it answers."""
        errors = self.home.parent / f"{self.home.name}.stderr"
        with errors.open("w") as stderr:
            self.process = subprocess.Popen(
                self.command("up", "--json"), env=self.environment, stdout=subprocess.PIPE, stderr=stderr, text=True
            )
        assert self.process.stdout is not None
        lines = []
        for line in self.process.stdout:
            lines.append(line)
            if line == "}\n":
                return dict(json.loads("".join(lines)))
        raise AssertionError(f"the stack ended: {errors.read_text()}")

    def run(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Run another command of this home to its end."""
        return subprocess.run(
            self.command(*arguments), env=self.environment, input=stdin, capture_output=True, text=True, check=False
        )

    def end(self, by: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code; idempotent."""
        if self.process is None:
            return 0
        with self.process:
            self.process.send_signal(by)
            return self.process.wait(60)

    def remains(self) -> dict[int, str]:
        """Return the processes that still belong to this home, by id."""
        mark = str(self.home).encode()
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit():
                continue
            try:
                command, environment = (entry / "cmdline").read_bytes(), (entry / "environ").read_bytes()
            except OSError:
                continue
            if mark in command or b"YARDMASTER_HOME=" + mark in environment:
                found[int(entry.name)] = command.replace(b"\0", b" ").decode(errors="replace")
        return found

    def remains_after(self, seconds: float) -> dict[int, str]:
        """Return what remains; as soon as it is nothing, at the latest after ``seconds``."""
        deadline = time.monotonic() + seconds
        while (remains := self.remains()) and time.monotonic() < deadline:
            time.sleep(0.1)
        return remains

    @staticmethod
    def command(*arguments: str) -> list[str]:
        """Return the argv of ``yardmaster`` with ``arguments``."""
        return [sys.executable, "-m", "cli", *arguments]
