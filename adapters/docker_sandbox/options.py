"""What a container may not do: every option that hardens it, with the reason."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_AGENT_FOLDER = "/usr/lib/yardmaster/agent"
AGENT_COMMAND = ("/usr/bin/python3", "-I", "-S", f"{_AGENT_FOLDER}/__main__.py")
PROBES_COMMAND = ("/usr/bin/python3", "-I", "-S", f"{_AGENT_FOLDER}/probes.py")

# What the agent needs and no program gets: to become another user (SETUID, SETGID), to kill that user's processes
# (KILL), and to look into, empty and write-protect what that user made (DAC_OVERRIDE, FOWNER).
AGENT_CAPABILITIES = ("SETUID", "SETGID", "KILL", "DAC_OVERRIDE", "FOWNER")

_MIB = 1 << 20
_AGENT_BYTES = 48 * _MIB
_TMP_BYTES = 64 * _MIB
_SHM_BYTES = 16 * _MIB

# Hard bounds behind the limits that the agent sets for each program.
_ULIMITS = (("core", 0), ("nofile", 1024), ("memlock", 0), ("msgqueue", 0), ("stack", 64 * _MIB))


@dataclass(frozen=True, slots=True)
class BoxSize:
    """How large a container is; ``memory_bytes`` and ``processes`` are the largest limits of its languages."""

    memory_bytes: int
    processes: int
    cpus: float = 2.0
    box_bytes: int = 256 * _MIB


def read_seccomp_profile(agent_folder: Path) -> str:
    """Return the profile of allowed system calls, as the engine takes it."""
    return (agent_folder / "seccomp.json").read_text()


def host_config(size: BoxSize, seccomp_profile: str, runtime: str | None) -> dict[str, object]:
    """Return a container's ``HostConfig`` of the engine's API (https://docs.docker.com/reference/api/engine/)."""
    # Files in tmpfs count as memory: with room for both, a program that fills the disk meets "no space left" and not
    # the killer, and the limit of a request stays the agent's to enforce.
    memory_bytes = size.memory_bytes + size.box_bytes + _TMP_BYTES + _SHM_BYTES + _AGENT_BYTES
    return {
        "NetworkMode": "none",
        "CapDrop": ["ALL"],
        "CapAdd": list(AGENT_CAPABILITIES),
        "SecurityOpt": ["no-new-privileges:true", f"seccomp={seccomp_profile}"],
        "ReadonlyRootfs": True,
        # No /dev/shm from the engine, whose size is bounded but not its number of files; ours is among the tmpfs.
        "IpcMode": "none",
        "Tmpfs": {
            "/box": _tmpfs(size.box_bytes, 16384, "755", "exec"),
            "/tmp": _tmpfs(_TMP_BYTES, 8192, "1777", "noexec"),  # noqa: S108
            "/dev/shm": _tmpfs(_SHM_BYTES, 1024, "1777", "noexec"),  # noqa: S108
        },
        "Memory": memory_bytes,
        # The same figure for memory and for memory + swap: no swap.
        "MemorySwap": memory_bytes,
        "PidsLimit": size.processes + 16,
        "NanoCpus": int(size.cpus * 1e9),
        "Ulimits": [{"Name": name, "Soft": bound, "Hard": bound} for name, bound in _ULIMITS],
        "LogConfig": {"Type": "none", "Config": {}},
        # Under pressure the host is to lose a box rather than a server; within the box, programs (1000) go first.
        "OomScoreAdj": 500,
        "AutoRemove": True,
    } | ({"Runtime": runtime} if runtime else {})


def _tmpfs(size_bytes: int, files: int, mode: str, execution: str) -> str:
    return f"rw,nosuid,nodev,{execution},size={size_bytes},nr_inodes={files},mode={mode}"
