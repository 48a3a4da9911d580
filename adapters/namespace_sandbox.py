"""Boxes made with ``unshare``: for trying the product on a machine without Docker. Weaker; it says so at start.

Theory of operation
-------------------
util-linux ``unshare`` makes new pid, mount, network, IPC and UTS namespaces (and a user namespace, when the worker is
not root); ``sandbox_images/agent/namespaces.sh`` builds a read-only root in them out of a few folders of the machine,
with small tmpfs where programs may write, and becomes the agent. From there on all is as in a container: the same
agent, session and pool. The worker's end of a socket pair is the leash: when it closes, the agent exits and the
kernel kills the namespace.

Left out on purpose, because it needs an engine to be right: a seccomp filter, and a cgroup as the hard bound of
memory, processes and CPU of the whole box. Limits are enforced by the agent alone, which reads ``/proc``.
"""

from __future__ import annotations

import logging
import os
import pwd
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from adapters.box import Box, BoxSession
from adapters.box_pool import BoxPool, PoolCounters, PoolOptions
from adapters.sandbox_protocol import AgentChannel
from adapters.sandbox_self_test import what_gets_through
from adapters.sandbox_streams import SocketStream
from domain.code_runs.languages import Language
from domain.code_runs.model import Limits
from domain.code_runs.sandbox import SandboxError

_log = logging.getLogger(__name__)

_HELLO_S = 30.0
_VERSION_LIMITS = Limits(
    cpu_s=5.0, wall_s=10.0, memory_bytes=1 << 30, processes=64, output_bytes=1 << 16, file_bytes=1 << 20
)
_KEY = "host"
_TOOLS = ("unshare", "setpriv", "mount", "umount", "pivot_root")
# What languages need of the machine, none of it secret. Of /etc only what names below: no users, no keys.
_FOLDERS = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/opt")
_ETC = (
    "alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ssl", "java-*", "mono", "php", "python3*",
    "nsswitch.conf", "localtime",
)  # fmt: skip
# What needs the filter or the cgroup that is left out. Everything else that the self-test tries must fail here too.
_WEAKER = (
    "io_uring_setup", "keyctl", "add_key", "request_key", "ptrace", "process_vm_readv", "unshare", "mount", "umount2",
    "open_tree", "fsopen", "userfaultfd", "perf_event_open", "chroot", "clone3", "mq_open", "shmget", "semget",
    "msgget", "syslog", "setns", "open_by_handle_at", "pivot_root", "bpf",
    "AF_VSOCK", "AF_ALG", "AF_NETLINK", "AF_PACKET", "AF_KEY", "AF_TIPC",
    "32-bit calls", "x32 calls", "no seccomp filter",
)  # fmt: skip
_WARNING = (
    "The namespace sandbox is weaker than containers and meant for trying Yardmaster out, not for programs of "
    "strangers. Not enforced: a filter of system calls; hard bounds of the memory, the processes and the CPU time of "
    "a box as a whole (the agent reads /proc and kills). Languages are those that this machine has."
)


class NamespaceSandbox:
    """``domain.code_runs.sandbox.Sandbox`` without an engine. ``start`` it once before the first session."""

    def __init__(self, images_dir: Path, pool: PoolOptions) -> None:
        self._maker = _Maker(images_dir / "agent")
        self._pool = BoxPool(self._maker, pool)

    def start(self) -> None:
        """Say what is weak, prove that the rest holds, and make the first boxes.

        Raises:
            SandboxError: namespaces cannot be made here, or a probe did what it must not; the message says which.
        """
        _log.warning(_WARNING)
        with self._pool.lend(_KEY) as session:
            allowed = what_gets_through(session, (self._maker.python, "-I", "-S", "/agent/probes.py"))
        if intolerable := [name for name in allowed if name not in _WEAKER]:
            raise SandboxError(f"namespaces do not isolate here: they allow {', '.join(intolerable)}")

    def languages_found(self, version_commands: Mapping[str, Sequence[str]]) -> dict[str, str]:
        """Return what the version commands that work in a box of this machine print, by the language's name.

        A compiler that only the worker's user can reach, say one in a home folder, does not work in a box.
        """
        found = {}
        with self._pool.lend(_KEY) as session:
            for name, command in version_commands.items():
                end = session.run(command, b"", _VERSION_LIMITS)
                if end.exit_code == 0:
                    found[name] = end.stdout.decode(errors="replace")
        return found

    def session(self, language: Language) -> AbstractContextManager[BoxSession]:
        """Take a clean box; all languages share them."""
        return self._pool.session(language)

    def counters(self) -> PoolCounters:
        """Return what the pool did so far."""
        return self._pool.counters()

    def close(self) -> None:
        """Kill and remove every box that this process made; idempotent."""
        self._pool.close()


class _Maker:
    def __init__(self, agent_folder: Path) -> None:
        self._agent_folder = agent_folder.resolve()
        # The interpreter under the virtualenv, which is the machine's own and new enough.
        self.python = str(Path(sys.base_prefix) / "bin" / "python3")

    def key(self, language: Language) -> str:
        return _KEY

    def make(self, key: str) -> Box:
        root = tempfile.mkdtemp(prefix="yardmaster-box-")
        try:
            return self._start(key, root)
        finally:
            # Needed only until the box has moved its root away from there, so a worker that is killed leaves none.
            Path(root).rmdir()

    def _start(self, key: str, root: str) -> Box:
        near, far = socket.socketpair()
        try:
            process = subprocess.Popen(
                self._command(root), stdin=far.fileno(), stdout=far.fileno(), stderr=subprocess.PIPE
            )
        except (OSError, SandboxError) as error:
            near.close()
            raise SandboxError(f"a namespace could not be made: {error}") from error
        finally:
            far.close()
        assert process.stderr is not None
        channel = AgentChannel(SocketStream(near, process.stderr))
        box = Box(key, channel, lambda: _remove(process, near))
        try:
            channel.greet(_HELLO_S)
        except SandboxError:
            box.discard()
            raise
        return box

    def _command(self, root: str) -> list[str]:
        missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
        if missing:
            raise SandboxError(f"the namespace sandbox needs {', '.join(missing)} (packages util-linux and mount)")
        unshare = [
            "unshare",
            *_user_namespace(),
            "--pid",
            "--fork",
            "--kill-child",
            "--mount",
            "--net",
            "--ipc",
            "--uts",
        ]
        script = str(self._agent_folder / "namespaces.sh")
        return [*unshare, "sh", script, root, str(self._agent_folder), self.python, *_shown()]


def _user_namespace() -> list[str]:
    """Return how to become root of a user namespace, for who is not root.

    Raises:
        SandboxError: programs could not get a uid of their own.
    """
    if os.geteuid() == 0:
        return []
    name = pwd.getpwuid(os.geteuid()).pw_name
    ranges = Path("/etc/subuid")
    is_listed = ranges.exists() and any(line.startswith(f"{name}:") for line in ranges.read_text().splitlines())
    if shutil.which("newuidmap") is None or not is_listed:
        raise SandboxError(
            "the namespace sandbox needs root, or the package uidmap and a range of ids for this user in /etc/subuid "
            "and /etc/subgid: programs must not run as the user who runs the worker"
        )
    return ["--user", "--map-root-user", "--map-auto", "--setuid", "0", "--setgid", "0"]


def _shown() -> list[str]:
    paths = [folder for folder in _FOLDERS if Path(folder).exists()]
    for pattern in _ETC:
        paths += sorted(str(path) for path in Path("/etc").glob(pattern))
    return paths if sys.base_prefix.startswith("/usr") else [*paths, sys.base_prefix]


def _remove(process: subprocess.Popen[bytes], near: socket.socket) -> None:
    process.kill()  # With --kill-child this is the end of pid 1, and so of everything.
    process.wait()
    near.close()
    if process.stderr is not None:
        process.stderr.close()
