"""The yardstick: a program as a bare process, by the same interpreter, on the same files, without any sandbox.

A driver of a few lines runs inside an otherwise idle, unlimited container of the language's image and times
``fork + exec + read + wait`` there, so that both sides of a ratio use the very same interpreter and libraries.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

_DRIVER = """
import subprocess, sys, time
from concurrent.futures import ThreadPoolExecutor
def once(_):
    began = time.perf_counter()
    subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, check=True)
    return time.perf_counter() - began
program, argv = sys.argv[1], sys.argv[2:]
open("/tmp/program", "w").write(program)
for line in sys.stdin:
    runs, threads = map(int, line.split())
    began = time.perf_counter()
    if threads == 1:
        list(map(once, range(runs)))
    else:
        list(ThreadPoolExecutor(threads).map(once, range(runs)))
    print(time.perf_counter() - began, flush=True)
"""


class BareProcesses:
    """Runs the program as often as asked and tells the seconds."""

    def __init__(self, stdin: IO[str], stdout: IO[str]) -> None:
        self._stdin, self._stdout = stdin, stdout

    def seconds(self, runs: int, threads: int = 1) -> float:
        """Return the wall clock of ``runs`` runs by ``threads`` threads."""
        self._stdin.write(f"{runs} {threads}\n")
        self._stdin.flush()
        return float(self._stdout.readline())


@contextmanager
def bare_python(program: str, image: str) -> Iterator[BareProcesses]:
    """Offer ``program`` (Python source) as bare processes of ``image``'s interpreter."""
    command = ["docker", "run", "--rm", "-i", "--network", "none", "--security-opt", "seccomp=unconfined", image]
    command += ["python3", "-c", _DRIVER, program, "python3", "/tmp/program"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as driver:
        assert driver.stdin is not None
        assert driver.stdout is not None
        yield BareProcesses(driver.stdin, driver.stdout)
        driver.stdin.close()
