"""A zygote: an interpreter that has started and waits, so that programs begin as its copies.

Starting is most of what a small program of an interpreted language costs. ``births`` is the zygote's own side. The
agent starts one when a box has just been found clean, and before it says so: no user's file or process exists at that
moment, and none of a user's data ever enters it. It is root with the agent's capabilities, as the agent itself is; a
copy becomes the user's before it opens the user's file.

A copy is born twice removed, so that it becomes the agent's child as any other program is: the agent is pid 1, which
inherits it when the process in between ends. "All dead" then means that the agent has no child but the zygote, whose
own children were all waited for. Whatever must be killed is killed by "everybody", and the zygote goes with it: the
rest of the session does without, and the next reset starts another one.
"""

from __future__ import annotations

import _socket
import marshal
import os
import resource
import signal
import struct

from agent.become import AGENT_FD, CANNOT_START, ENVIRONMENT, MAX_REQUEST_BYTES, STACK_BYTES, find_program

_HOOK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "python_zygote")
# An interpreter starts within 20 ms and forks within 1; a machine may be very busy.
_PATIENCE_S = 10.0
_PID = struct.Struct("i")
_THREE_FDS = struct.Struct("3i")


class Zygote:
    """The zygote of a box, if it has one."""

    def __init__(self) -> None:
        self.pid = 0
        self._command: list[str] = []
        self._refused: list[str] = []
        self._agent: _socket.socket | None = None
        self._children = f"/proc/self/task/{os.getpid()}/children"

    def start(self, command: list[str]) -> None:
        """Start the interpreter that ``command`` names, unless it lives already or would not start before.

        An interpreter without the hook would go on to its script, as root: there must be none yet.
        """
        self._notice_death()
        if command in (self._command, self._refused) or not os.path.exists(self._children):
            return
        agent, zygote = _socket.socketpair(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
        self.end()
        pid = _execute(command, zygote.fileno())
        zygote.close()
        agent.settimeout(_PATIENCE_S)
        # A request holds all arguments, which may be more than a socket takes by default.
        agent.setsockopt(_socket.SOL_SOCKET, _socket.SO_SNDBUF, MAX_REQUEST_BYTES)
        self.pid, self._agent, self._command = pid, agent, command
        if not self._is_ready():
            self._refused = command
            self.end()

    def is_for(self, argv: list[str]) -> bool:
        """Say whether the command ``argv`` is one for this zygote, and the zygote there to take it."""
        self._notice_death()
        return self.pid != 0 and argv[: len(self._command)] == self._command

    def fork(
        self, argv: list[str], cwd: str, uid: int, bounds: list[tuple[int, int]], stdio: tuple[int, int, int]
    ) -> int:
        """Let a copy become the program and return its pid; it is a child of the agent then.

        Raises:
            OSError: the zygote broke over it.
        """
        assert self._agent is not None
        request = marshal.dumps((argv[len(self._command) :], cwd, uid, bounds))
        fds = (_socket.SOL_SOCKET, _socket.SCM_RIGHTS, _THREE_FDS.pack(*stdio))
        self._agent.sendmsg([request], [fds])
        born = self._agent.recv(_PID.size)
        if len(born) != _PID.size or not self._agent.recv(1):
            raise OSError("the zygote cannot fork")
        (pid,) = _PID.unpack(born)
        return int(pid)

    def is_only_child(self) -> bool:
        """Say whether the zygote lives and no other process does, but for the agent."""
        if not self.pid:
            return False
        with open(self._children, "rb", buffering=0) as file:
            return file.read(64).split() == [b"%d" % self.pid]

    def note_death(self, pid: int) -> bool:
        """Forget the zygote if ``pid``, which was waited for, is it, and say whether it is."""
        if pid != self.pid:
            return False
        if self._agent is not None:
            self._agent.close()
        self.pid, self._agent, self._command = 0, None, []
        return True

    def end(self) -> None:
        """Kill the zygote, if there is one."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.note_death(self.pid)

    def _notice_death(self) -> None:
        if self.pid and os.waitpid(self.pid, os.WNOHANG) != (0, 0):
            self.note_death(self.pid)

    def _is_ready(self) -> bool:
        assert self._agent is not None
        try:
            return bool(self._agent.recv(1))
        except OSError:
            return False


def _execute(command: list[str], agent_fd: int) -> int:
    pid = os.fork()
    if pid:
        return pid
    try:
        # Pipes, as programs have them: what an interpreter finds out about its streams holds for the copies, too.
        reader, writer = os.pipe()
        for number, fd in enumerate((reader, writer, writer, agent_fd)):
            os.dup2(fd, number)
        os.closerange(AGENT_FD + 1, 1 << 20)
        # Threads get the stack that this says at an interpreter's start.
        _, hard = resource.getrlimit(resource.RLIMIT_STACK)
        stack_bytes = STACK_BYTES if hard == resource.RLIM_INFINITY else min(STACK_BYTES, hard)
        resource.setrlimit(resource.RLIMIT_STACK, (stack_bytes, hard))
        os.execve(find_program(command[0]), command, ENVIRONMENT | {"PYTHONPATH": _HOOK})
    finally:
        os._exit(CANNOT_START)
