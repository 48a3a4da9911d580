"""What every program starts with, and the last steps of a forked process before it is one."""

import os
import resource

ENVIRONMENT = {"HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8", "PATH": "/usr/local/bin:/usr/bin:/bin"}
STACK_BYTES = 64 << 20
CANNOT_START = 126
# Where a zygote finds the agent's socket, and what one request to it may take: all of a program's arguments.
AGENT_FD = 3
MAX_REQUEST_BYTES = 1 << 20


def find_program(name: str) -> str:
    """Return the path of ``name`` as the program's PATH has it.

    Not left to ``os.execvpe``, which imports a module for it in every child: a tenth of a small program's time.
    """
    if "/" not in name:
        for folder in ENVIRONMENT["PATH"].split(":"):
            path = f"{folder}/{name}"
            if os.access(path, os.X_OK):
                return path
    return name


def become(stdio: tuple[int, ...] | list[int], cwd: str, uid: int, bounds: list[tuple[int, int]]) -> None:
    """Turn this process, the copy of a trusted one, into what a program of ``uid`` may be, with three pipes open.

    ``bounds`` are kinds and values for ``resource.setrlimit``.

    Raises:
        OSError: it cannot be done; the process must end then.
    """
    os.setsid()
    for number, fd in enumerate(stdio):
        os.dup2(fd, number)
    # The kernel must find a program to kill before it finds the agent.
    with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
        file.write(b"1000")
    for kind, bound in bounds:
        resource.setrlimit(kind, (bound, bound))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    os.chdir(cwd)
    os.umask(0o022)
    os.closerange(3, 1 << 20)
