"""Start one program as another user, with its limits in force before its first instruction."""

from __future__ import annotations

import math
import os
import resource
import signal

from agent.become import CANNOT_START, ENVIRONMENT, STACK_BYTES, become, find_program
from agent.zygote import Zygote

_OPEN_FILES = 1024
# One above what a kernel without user namespaces maps; smaller in a box whose ids are remapped.
_HIGHEST_UID = (1 << 31) - 2


class Limits:
    """The request's limits, as ``domain.code_runs.model.Limits`` defines them."""

    __slots__ = ("cpu_s", "file_bytes", "memory_bytes", "output_bytes", "processes", "wall_s")

    def __init__(self, fields: dict[str, float]) -> None:
        self.cpu_s = float(fields["cpu_s"])
        self.wall_s = float(fields["wall_s"])
        self.memory_bytes = int(fields["memory_bytes"])
        self.processes = int(fields["processes"])
        self.output_bytes = int(fields["output_bytes"])
        self.file_bytes = int(fields["file_bytes"])


class Child:
    """A started program: its pid, a pidfd that wakes ``poll`` at its end, and the agent's ends of its pipes."""

    __slots__ = ("pid", "pidfd", "stderr", "stdin", "stdout")

    def __init__(self, pid: int, stdin: int, stdout: int, stderr: int) -> None:
        self.pid = pid
        self.stdin = stdin
        self.stdout = stdout
        self.stderr = stderr
        self.pidfd = os.pidfd_open(pid)
        for fd in (stdin, stdout, stderr):
            os.set_blocking(fd, False)


class Uids:
    """Draws user ids at random from the upper half of those that this box maps, never one twice.

    Random, because the kernel counts RLIMIT_NPROC per uid over the whole host: two boxes must not share one.
    """

    def __init__(self) -> None:
        mapped = 0
        with open("/proc/self/uid_map", "rb") as file:
            for line in file:
                inside, _, count = map(int, line.split())
                mapped = max(mapped, inside + count)
        self._highest = min(mapped - 2, _HIGHEST_UID)
        self._lowest = max(1000, self._highest // 2)
        self._drawn: set[int] = set()

    @property
    def is_enough(self) -> bool:
        """Say whether the box maps ids to choose from."""
        return self._highest > self._lowest

    def draw(self) -> int:
        """Return an id that no earlier program of this box had."""
        while True:
            uid = self._lowest + int.from_bytes(os.urandom(8), "big") % (self._highest - self._lowest)
            if uid not in self._drawn:
                self._drawn.add(uid)
                return uid


def start(argv: list[str], cwd: str, uid: int, limits: Limits, zygote: Zygote) -> Child:
    """Start ``argv``, as a copy of ``zygote`` where that is the interpreter of ``argv``, or by executing it.

    A program that cannot be executed says so on stderr and exits with 126.

    Raises:
        OSError: the zygote broke; the box is of no use any more.
    """
    stdin_r, stdin_w = os.pipe()
    stdout_r, stdout_w = os.pipe()
    stderr_r, stderr_w = os.pipe()
    stdio = (stdin_r, stdout_w, stderr_w)
    bounds = _bounds(limits)
    if zygote.is_for(argv):
        pid = zygote.fork(argv, cwd, uid, bounds, stdio)
    else:
        pid = _fork((find_program(argv[0]), argv), cwd, uid, bounds, stdio)
    for fd in stdio:
        os.close(fd)
    return Child(pid, stdin_w, stdout_r, stderr_r)


def _fork(
    command: tuple[str, list[str]], cwd: str, uid: int, bounds: list[tuple[int, int]], stdio: tuple[int, int, int]
) -> int:
    """Execute a program, a path and its arguments, in a copy of the agent."""
    program, argv = command
    pid = os.fork()
    if pid:
        return pid
    try:
        become(stdio, cwd, uid, bounds)
        # Python ignores these two; a program is to meet them as the kernel made them.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.execve(program, argv, ENVIRONMENT)
    except (OSError, ValueError) as error:
        os.write(2, f"cannot execute {argv[0]}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(CANNOT_START)


def _bounds(limits: Limits) -> list[tuple[int, int]]:
    # A backstop for the tick's accounting, should the agent be stopped or starved; whole seconds, per process.
    cpu_s = math.ceil(limits.cpu_s) + 1
    wanted = (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_STACK, STACK_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    )
    return [(kind, _within_hard(kind, value)) for kind, value in wanted]


def _within_hard(kind: int, value: int) -> int:
    _, hard = resource.getrlimit(kind)
    return value if hard == resource.RLIM_INFINITY else min(value, hard)
