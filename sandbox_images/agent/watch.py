"""Watch one program from its start until every process of the box is dead."""

from __future__ import annotations

import errno
import os
import select
import signal
import time
from contextlib import suppress

from agent.gauges import CgroupGauge, ProcGauge
from agent.steps import Child, Limits
from agent.zygote import Zygote

# A tick reads two small files of the cgroup, about 0.1 ms: 1 % of one core at most.
_TICK_S = 0.01
_CHUNK_BYTES = 1 << 16
# Far longer than the kernel takes to kill thousands of processes; a process that outlives it is stuck in the kernel.
_DEATH_S = 5.0


class Output:
    """One of the program's output pipes: the prefix up to the cap, and whether there was more."""

    __slots__ = ("fd", "is_truncated", "pieces", "room")

    def __init__(self, fd: int, cap: int) -> None:
        self.fd = fd
        self.room = cap
        self.pieces: list[bytes] = []
        self.is_truncated = False

    def take(self) -> bool:
        """Read what is there; say whether the pipe may still bring more that matters."""
        try:
            data = os.read(self.fd, _CHUNK_BYTES)
        except BlockingIOError:
            return True
        if len(data) > self.room:
            self.is_truncated = True
            data = data[: self.room]
        self.pieces.append(data)
        self.room -= len(data)
        return bool(data) and not self.is_truncated

    def drain(self) -> None:
        """Read all that is left once every writer is dead."""
        os.set_blocking(self.fd, False)
        try:
            while not self.is_truncated:
                data = os.read(self.fd, _CHUNK_BYTES)
                if not data:
                    break
                self.is_truncated = len(data) > self.room
                self.pieces.append(data[: self.room])
                self.room -= len(self.pieces[-1])
        except BlockingIOError:
            pass  # A copy of the pipe is still in flight in a dead socket; nobody can write to it any more.


class Watch:
    """The poll loop of one program. ``run`` once; the results are attributes."""

    def __init__(
        self, child: Child, stdin: bytes, limits: Limits, gauge: CgroupGauge | ProcGauge, zygote: Zygote
    ) -> None:
        self.stdout = Output(child.stdout, limits.output_bytes)
        self.stderr = Output(child.stderr, limits.output_bytes)
        self.status: int | None = None
        self.wall_s = 0.0
        self.cpu_s = 0.0
        self.memory_bytes = 0
        self.is_time_hit = False
        self.survivors = False
        self._child = child
        self._stdin = memoryview(stdin)
        self._limits = limits
        self._gauge = gauge
        self._zygote = zygote
        self._is_over = False
        self._next_tick = 0.0
        self._reaped_cpu_s = 0.0
        self._open = {child.stdin, child.stdout, child.stderr, child.pidfd}

    def run(self, started: float, worker: int) -> None:
        """Watch until the program ends or meets a limit, then kill whatever is left of it.

        ``worker`` is the agent's stdin: when it hangs up, nobody wants the result and the agent exits on the spot.
        """
        poll = self._poller(worker)
        while not self._is_over:
            for fd, _ in poll.poll(self._patience(started) * 1000):
                if fd == worker:
                    os._exit(0)
                self._serve(fd, poll)
            self._reap()
            self._check(started)
        self.wall_s = time.monotonic() - started
        # Read before the killing, which costs the kernel CPU time that is not the program's.
        cpu_s = self._gauge.cpu_s(self._reaped_cpu_s)
        self._kill_all()
        self.cpu_s = max(cpu_s, self._reaped_cpu_s)
        self.stdout.drain()
        self.stderr.drain()
        for fd in self._open:
            os.close(fd)

    @property
    def limit_hit(self) -> str | None:
        """Name the limit that was met; time comes before memory, and memory before output."""
        if self.is_time_hit or self.cpu_s > self._limits.cpu_s:
            return "time"
        if self.memory_bytes > self._limits.memory_bytes or self._gauge.oom_kills():
            return "memory"
        if self.stdout.is_truncated or self.stderr.is_truncated:
            return "output"
        return None

    def _poller(self, worker: int) -> select.poll:
        poll = select.poll()
        poll.register(worker, 0)  # Only a hang-up: the next request may well be waiting already.
        poll.register(self._child.pidfd, select.POLLIN)
        poll.register(self._child.stdout, select.POLLIN)
        poll.register(self._child.stderr, select.POLLIN)
        poll.register(self._child.stdin, select.POLLOUT)
        self._feed(poll)
        return poll

    def _patience(self, started: float) -> float:
        return max(0.001, min(_TICK_S, started + self._limits.wall_s - time.monotonic()))

    def _serve(self, fd: int, poll: select.poll) -> None:
        if fd == self._child.stdin:
            self._feed(poll)
        elif fd == self._child.stdout:
            if not self.stdout.take():
                poll.unregister(fd)
        elif fd == self._child.stderr and not self.stderr.take():
            poll.unregister(fd)

    def _feed(self, poll: select.poll) -> None:
        try:
            while self._stdin:
                self._stdin = self._stdin[os.write(self._child.stdin, self._stdin[:_CHUNK_BYTES]) :]
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.EPIPE:
                raise
        poll.unregister(self._child.stdin)
        self._open.discard(self._child.stdin)
        os.close(self._child.stdin)

    def _check(self, started: float) -> None:
        now = time.monotonic()
        if self.stdout.is_truncated or self.stderr.is_truncated:
            self._is_over = True
        # Outputs may wake the loop far more often than the gauges need to be read.
        if self._is_over or now < self._next_tick:
            return
        self._next_tick = now + _TICK_S
        self.memory_bytes = max(self.memory_bytes, self._gauge.memory_bytes())
        cpu_s = self._gauge.cpu_s(self._reaped_cpu_s)
        self.is_time_hit = now - started >= self._limits.wall_s or cpu_s > self._limits.cpu_s
        self._is_over = self.is_time_hit or self.memory_bytes > self._limits.memory_bytes

    def _reap(self) -> bool:
        """Collect every dead child, note what it used, and say whether any child is left."""
        while True:
            try:
                pid, status, usage = os.wait4(-1, os.WNOHANG)
            except ChildProcessError:
                return False
            if pid == 0:
                return True
            if os.WIFSTOPPED(status):
                # It made the agent its debugger, where no filter forbids that; a debugger must let it go on, or not.
                os.kill(pid, signal.SIGKILL)
                continue
            if self._zygote.note_death(pid):
                continue
            self._reaped_cpu_s += usage.ru_utime + usage.ru_stime
            self.memory_bytes = max(self.memory_bytes, usage.ru_maxrss * 1024)
            if pid == self._child.pid:
                self.status = status
                self._is_over = True

    def _kill_all(self) -> None:
        """Kill until the agent has no child: pid 1 inherits every orphan, so then it is alone.

        Alone but for the zygote will do. But where anybody must be killed, one blow must hit everybody, or those who
        are left fork, and so it hits the zygote, too.
        """
        if not self._reap() or self._zygote.is_only_child():
            return
        deadline = time.monotonic() + _DEATH_S
        pause_s = 0.0001
        while self._reap():
            with suppress(ProcessLookupError):  # What is left may be dying already.
                os.kill(-1, signal.SIGKILL)
            if time.monotonic() > deadline:
                self.survivors = True
                return
            time.sleep(pause_s)
            pause_s = min(0.01, pause_s * 2)
