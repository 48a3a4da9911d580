"""Start one program as another user, with its limits in force before its first instruction."""

from __future__ import annotations

import math
import os
import resource
import signal

ENVIRONMENT = {"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}

_STACK_BYTES = 64 << 20
_OPEN_FILES = 1024
# One above what a kernel without user namespaces maps; smaller in a box whose ids are remapped.
_HIGHEST_UID = (1 << 31) - 2
_CANNOT_EXECUTE = 126


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


def start(argv: list[str], cwd: str, uid: int, limits: Limits) -> Child:
    """Fork and execute ``argv``; a program that cannot be executed says so on stderr and exits with 126."""
    program = _find_program(argv[0])
    stdin_r, stdin_w = os.pipe()
    stdout_r, stdout_w = os.pipe()
    stderr_r, stderr_w = os.pipe()
    pid = os.fork()
    if pid == 0:
        _become((program, argv), cwd, uid, limits, (stdin_r, stdout_w, stderr_w))
    for fd in (stdin_r, stdout_w, stderr_w):
        os.close(fd)
    return Child(pid, stdin_w, stdout_r, stderr_r)


def _find_program(name: str) -> str:
    """Return the path of ``name`` as the program's PATH has it.

    Not left to ``os.execvpe``, which imports a module for it in every child: a tenth of a small program's time.
    """
    if "/" not in name:
        for folder in ENVIRONMENT["PATH"].split(":"):
            path = f"{folder}/{name}"
            if os.access(path, os.X_OK):
                return path
    return name


def _become(command: tuple[str, list[str]], cwd: str, uid: int, limits: Limits, stdio: tuple[int, int, int]) -> None:
    """Turn this forked copy of the agent into the program, a path and its arguments; never returns."""
    program, argv = command
    try:
        os.setsid()
        for number, fd in enumerate(stdio):
            os.dup2(fd, number)
        # The kernel must find a program to kill before it finds the agent.
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"1000")
        _limit(limits)
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        os.chdir(cwd)
        os.umask(0o022)
        # Python ignores these two; a program is to meet them as the kernel made them.
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
        os.closerange(3, 1 << 20)
        os.execve(program, argv, ENVIRONMENT)
    except (OSError, ValueError) as error:
        os.write(2, f"cannot execute {argv[0]}: {error}\n".encode(errors="replace"))
    finally:
        os._exit(_CANNOT_EXECUTE)


def _limit(limits: Limits) -> None:
    # A backstop for the tick's accounting, should the agent be stopped or starved; whole seconds, per process.
    cpu_s = math.ceil(limits.cpu_s) + 1
    for kind, value in (
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_NPROC, limits.processes),
        (resource.RLIMIT_FSIZE, limits.file_bytes),
        (resource.RLIMIT_STACK, _STACK_BYTES),
        (resource.RLIMIT_NOFILE, _OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_MEMLOCK, 0),
        (resource.RLIMIT_MSGQUEUE, 0),
    ):
        _, hard = resource.getrlimit(kind)
        bound = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (bound, bound))
