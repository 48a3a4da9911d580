"""One process of the platform under test: in a session of its own, its output in a log, to be struck by name."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

STOP_TIMEOUT_S = 40.0
TETHER = ("setpriv", "--pdeathsig", "KILL")
"""Before a command: nothing outlives the thread that started it, so start processes from the main thread only."""


class ChildProcess:
    """A program that can be started again after it ended; signals reach its whole process group where they say so."""

    def __init__(self, name: str, argv: Sequence[str], env: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.lives = 0
        self._argv = list(argv)
        self._env = dict(env)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        assert self._process is not None, f"{self.name} was never started"
        return self._process.pid

    def start(self) -> None:
        assert not self.is_running, f"{self.name} already runs"
        self.lives += 1
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*TETHER, *self._argv], env=self._env, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip

    def kill(self) -> None:
        """Send SIGKILL to the process and all its children, as a machine that loses power would."""
        assert self.is_running, self.describe()
        os.killpg(self.pid, signal.SIGKILL)
        assert self._process is not None
        self._process.wait(STOP_TIMEOUT_S)

    def freeze(self) -> None:
        os.killpg(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        os.killpg(self.pid, signal.SIGCONT)

    def terminate(self) -> None:
        """Send SIGTERM to the main process alone, as a service manager does, and do not wait."""
        assert self.is_running, self.describe()
        os.kill(self.pid, signal.SIGTERM)

    def wait(self, timeout_s: float = STOP_TIMEOUT_S) -> float:
        """Wait for the end and return how many seconds it took."""
        assert self._process is not None
        began = time.monotonic()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired as error:
            raise AssertionError(f"{self.name} did not end within {timeout_s} s\n{self.describe()}") from error
        return time.monotonic() - began

    def end(self) -> None:
        """Stop for good; whatever is left of the group after a second is killed."""
        if self._process is None:
            return
        try:
            os.killpg(self._process.pid, signal.SIGCONT)
            os.killpg(self._process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self._process.wait()

    def describe(self) -> str:
        """Return the state and the end of the log, for an assertion's message."""
        code = self._process.poll() if self._process else None
        text = self.log.read_text(errors="replace") if self.log.exists() else ""
        return f"{self.name}: return code {code}\n" + "\n".join(text.splitlines()[-25:])
