"""A process does not outlive a thread that it cannot do without."""

from __future__ import annotations

import signal
import subprocess
import sys

from config.settings import REPOSITORY

PROGRAM = """
import time
from store.vital import VitalThread

VitalThread(lambda: {}, "vital").start()
time.sleep({seconds})
print("still here")
"""


def test_a_vital_thread_that_breaks_ends_its_process_with_sigterm() -> None:
    done = _run(PROGRAM.format("[][0]", seconds=60))

    assert done.returncode == -signal.SIGTERM
    assert "the thread vital broke" in done.stderr


def test_a_vital_thread_that_is_done_ends_nothing() -> None:
    done = _run(PROGRAM.format("None", seconds=0.1))

    assert (done.returncode, done.stdout) == (0, "still here\n")


def _run(program: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=60
    )
