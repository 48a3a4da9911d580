"""Run the platform's processes side by side with honcho, restart those that crash, and stop them all together.

Theory of operation. honcho forks one *keeper* per process, which starts the command and relays its output. Added
to that:

- Keepers and commands are tethered: SIGKILL of the supervisor takes them along, so nothing is left running.
- SIGTERM goes to the command alone. honcho would send it to the whole process group, but gunicorn and Celery lead
  their own children through a stop, and a child that is told first loses the work that it should have finished.
- A command that ends unasked is started again after a second, as a service manager would do. One that ends
  ``CRASHES_IN_A_ROW`` times within seconds of its start is broken: then everything stops. So does one that says that
  its settings are wrong (``os.EX_CONFIG``), however long it took to find out: they are the same at its next start.
- SIGKILL follows after ``grace_s``; honcho's own five seconds are shorter than a worker's drain.
"""

from __future__ import annotations

import multiprocessing
import os
import shlex
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from multiprocessing.synchronize import Event
from pathlib import Path
from typing import TextIO

from honcho.compat import ProcessManager
from honcho.manager import SIGNALS, Manager
from honcho.printer import Printer
from honcho.process import Popen, Process

from cli.stack.tether import die_with_parent

CRASHES_IN_A_ROW = 3
SHORT_LIFE_S = 5.0
RESTART_DELAY_S = 1.0


class Supervisor(Manager):  # type: ignore[misc]  # honcho has no types
    """honcho's manager with tethers, restarts and a longer grace; ``loop`` returns when everything has ended.

    ``broken`` is then the name of the process that made it end, if one did.
    """

    def __init__(self, output: TextIO, grace_s: float) -> None:
        super().__init__(printer=Printer(output, colour=output.isatty()))
        self._stopping = multiprocessing.Event()
        self._grace_s = grace_s
        self.broken: str | None = None
        self._stopped_at: float | None = None
        self._started: list[Callable[[], None]] = []
        self._stops: list[Callable[[], None]] = []
        self._procmgr = _GentleProcesses()
        self._process_ctor = partial(_TetheredProcess, self._stopping)

    def add(self, name: str, argv: Sequence[str], env: Mapping[str, str], cwd: Path) -> None:
        """Run ``argv`` as ``name`` once ``loop`` is called."""
        # honcho hands the line to a shell; exec leaves the command itself under the pid that honcho knows.
        self.add_process(name, f"exec {shlex.join(argv)}", env=dict(env), cwd=str(cwd))

    @property
    def is_interrupted(self) -> bool:
        """Tell whether a signal ended it."""
        return self.returncode in {honcho_signal["rc"] for honcho_signal in SIGNALS.values()}

    def when_started(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called in a thread of its own when every process has been started.

        No thread may live earlier: ``loop`` forks.
        """
        self._started.append(callback)

    def when_stopping(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called once, before the processes are asked to stop, perhaps in a signal handler."""
        self._stops.append(callback)

    def terminate(self) -> None:
        """Ask every process to stop; from any thread, idempotent."""
        if self._stopped_at is None:
            self._stopped_at = time.monotonic()
            self._stopping.set()
            self.broken = next((name for name, process in self._processes.items() if "returncode" in process), None)
            for callback in self._stops:
                callback()
        super().terminate()

    def kill(self) -> None:
        """Kill what is left, but only when the grace is over: honcho calls this over and over."""
        if self._stopped_at is not None and time.monotonic() > self._stopped_at + self._grace_s:
            super().kill()

    def _start(self) -> None:
        super()._start()
        for callback in self._started:
            threading.Thread(target=callback, daemon=True).start()


class _GentleProcesses(ProcessManager):  # type: ignore[misc]  # honcho has no types
    def terminate(self, pid: int) -> None:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            return


class _TetheredProcess(Process):  # type: ignore[misc]  # honcho has no types
    def __init__(self, stopping: Event, *args: object, **kwargs: object) -> None:
        super().__init__(*args, **kwargs)
        self._stopping = stopping
        self._is_done = False
        self._child_ctor = partial(Popen, preexec_fn=_become_command)

    def run(self, events: object = None, ignore_signals: bool = False) -> None:  # noqa: FBT001, FBT002 - honcho's signature
        die_with_parent()
        crashes = 0
        while not self._is_done:
            started_at = time.monotonic()
            super().run(events, ignore_signals)
            crashes = crashes + 1 if time.monotonic() - started_at < SHORT_LIFE_S else 1
            is_hopeless = crashes >= CRASHES_IN_A_ROW or self._child.returncode == os.EX_CONFIG
            self._is_done = self._stopping.is_set() or is_hopeless
            if not self._is_done:
                self._send_message(f"ended with {self._child.returncode}, starting it again\n".encode())
                self._is_done = self._stopping.wait(RESTART_DELAY_S)
        self._send_message({"returncode": self._child.returncode}, type="stop")

    def _send_message(self, data: object, type: str = "line") -> None:  # noqa: A002 - honcho's signature
        if type != "stop" or self._is_done:
            super()._send_message(data, type=type)


def _become_command() -> None:
    # The keeper ignores the signals of a stop, which exec would hand down to a command that is started again.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    die_with_parent()
