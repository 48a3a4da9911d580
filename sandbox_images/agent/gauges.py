"""How much CPU and memory the box has used: read from cgroup v2, from cgroup v1, or summed over ``/proc``."""

from __future__ import annotations

import os
import time

_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")


class CgroupGauge:
    """The box's own cgroup: exact, and nothing escapes it.

    ``memory_bytes`` counts anonymous and shared pages, which include files in tmpfs, and leaves out the page cache of
    the image, which the kernel charges to whichever box happened to read a file first.
    """

    def __init__(self, version: int, files: dict[str, str], memory_keys: tuple[bytes, bytes]) -> None:
        self.version = version
        self._fds = {name: os.open(path, os.O_RDONLY) for name, path in files.items()}
        self._memory_keys = memory_keys
        self._base_cpu_s = 0.0
        self._base_memory_bytes = 0
        self._base_oom_kills = 0

    def start(self, zygote: int = 0) -> None:
        """Count from here; ``zygote``, a process that is no program, is counted so far and then hardly changes."""
        self._base_cpu_s = self._all_cpu_s() - time.process_time()
        self._base_memory_bytes = self._all_memory_bytes()
        self._base_oom_kills = self._all_oom_kills()

    def cpu_s(self, reaped_cpu_s: float) -> float:
        """Return the CPU time of everything but the agent since ``start``; never less than what was reaped."""
        return max(reaped_cpu_s, self._all_cpu_s() - time.process_time() - self._base_cpu_s)

    def memory_bytes(self) -> int:
        """Return the memory that is in use beyond that at ``start``."""
        return max(0, self._all_memory_bytes() - self._base_memory_bytes)

    def oom_kills(self) -> int:
        """Return how many processes the kernel killed for memory since ``start``."""
        return self._all_oom_kills() - self._base_oom_kills

    def refused_forks(self) -> int:
        """Return how often the box as a whole ran out of processes, since it was made."""
        return _field(self._read("pids"), b"max") if "pids" in self._fds else 0

    def _all_cpu_s(self) -> float:
        if self.version == 2:
            return _field(self._read("cpu"), b"usage_usec") / 1e6
        return int(self._read("cpu")) / 1e9

    def _all_memory_bytes(self) -> int:
        stat = self._read("memory")
        return sum(_field(stat, key) for key in self._memory_keys)

    def _all_oom_kills(self) -> int:
        return _field(self._read("oom"), b"oom_kill")

    def _read(self, name: str) -> bytes:
        return os.pread(self._fds[name], 16384, 0)


class ProcGauge:
    """A sum over ``/proc``: what is left when the box has no cgroup of its own.

    CPU time comes in clock ticks; memory counts a page once for every process that shares it.
    """

    version = 0

    def __init__(self) -> None:
        self._ours = frozenset({"1"})

    def start(self, zygote: int = 0) -> None:
        """Count everything but the agent and the process ``zygote``; nothing else exists."""
        self._ours = frozenset({"1", str(zygote)})

    def cpu_s(self, reaped_cpu_s: float) -> float:
        """Return the CPU time of the living plus ``reaped_cpu_s``, that of the dead."""
        return reaped_cpu_s + sum(sum(map(int, stat[11:15])) for stat in _living(self._ours)) / _TICKS_PER_S

    def memory_bytes(self) -> int:
        """Return the resident memory of the living."""
        return sum(int(stat[21]) for stat in _living(self._ours)) * _PAGE_BYTES

    def oom_kills(self) -> int:
        """Return 0: only a cgroup counts them."""
        return 0

    def refused_forks(self) -> int:
        """Return 0: only a cgroup counts them."""
        return 0


def find_gauge(root: str = "/sys/fs/cgroup") -> CgroupGauge | ProcGauge:
    """Return the best gauge that this box has."""
    v2 = {"cpu": "cpu.stat", "memory": "memory.stat", "oom": "memory.events", "pids": "pids.events"}
    v1 = {
        "cpu": "cpuacct/cpuacct.usage",
        "memory": "memory/memory.stat",
        "oom": "memory/memory.oom_control",
        "pids": "pids/pids.events",
    }
    for version, names, keys in ((2, v2, (b"anon", b"shmem")), (1, v1, (b"total_rss", b"total_shmem"))):
        files = {name: f"{root}/{path}" for name, path in names.items() if os.path.exists(f"{root}/{path}")}
        if {"cpu", "memory", "oom"} <= files.keys():
            return CgroupGauge(version, files, keys)
    return ProcGauge()


def _field(table: bytes, key: bytes) -> int:
    at = (b"\n" + table).find(b"\n" + key + b" ")
    return int(table[at + len(key) :].split(None, 1)[0]) if at >= 0 else 0


def _living(ours: frozenset[str]) -> list[list[bytes]]:
    """Return the fields of ``/proc/<pid>/stat`` from the state on, for every process that is not ``ours``."""
    stats = []
    for name in os.listdir("/proc"):
        if not name.isdigit() or name in ours:
            continue
        try:
            with open(f"/proc/{name}/stat", "rb", buffering=0) as file:
                # A program may put anything into its own name, so the fields are counted from the last bracket.
                stats.append(file.read(4096).rpartition(b")")[2].split())
        except OSError:
            continue  # It ended between the listing and the reading.
    return stats
