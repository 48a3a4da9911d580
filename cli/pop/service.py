"""nginx and its agent as one service, for a container: they start together, and when one ends, so does the other.

nginx looks up the origin's name only when it reads its configuration. An origin in a container has another address
when it was replaced, so the name is looked up here as well, and nginx is told to read its configuration again.
"""

from __future__ import annotations

import os
import pwd
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType
from urllib.parse import urlsplit

from cli.pop.configs import render
from cli.stack.tether import die_with_parent
from config.settings import REPOSITORY, PopSettings

LOOK_EVERY_S = 5.0
# For answers that are being sent.
GRACE_S = 15.0


def run_nginx(settings: PopSettings) -> None:
    """Serve until SIGTERM.

    Raises:
        SystemExit: nginx or the agent ended by itself; or SIGTERM came, and both have ended.
    """
    signal.signal(signal.SIGTERM, _exit)
    # Before nginx looks it up, too.
    origin = OriginWatch(urlsplit(settings.origin).hostname or "")
    nginx = _start(_nginx_command(_write_config(settings)))
    agent = _start([sys.executable, "-m", "cli", "pop", "agent", "nginx"])
    try:
        while True:
            for name, process in ("nginx", nginx), ("the agent", agent):
                if process.poll() is not None:
                    raise SystemExit(f"{name} has ended")
            if origin.has_moved():
                nginx.send_signal(signal.SIGHUP)
            _wait(nginx, LOOK_EVERY_S)
    finally:
        nginx.send_signal(signal.SIGQUIT)
        agent.terminate()
        _wait(nginx, GRACE_S)
        for process in nginx, agent:
            _end_group(process)


class OriginWatch:
    """Notices that the origin's name has come to mean other addresses."""

    def __init__(self, host: str, look_up: Callable[[str], frozenset[str]] | None = None) -> None:
        self._host = host
        self._look_up = look_up or _addresses
        self._known = self._find()

    def has_moved(self) -> bool:
        """Tell whether the addresses are others than they were; without any, the old ones stay."""
        found = self._find()
        if not found or found == self._known:
            return False
        self._known = found
        return True

    def _find(self) -> frozenset[str]:
        try:
            return self._look_up(self._host)
        except OSError:
            return frozenset()


def _addresses(host: str) -> frozenset[str]:
    return frozenset(str(found[4][0]) for found in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))


def _write_config(settings: PopSettings) -> Path:
    (settings.folder / "tmp").mkdir(parents=True, exist_ok=True)
    # A killed nginx leaves it, and cannot start then.
    (settings.folder / "origin.sock").unlink(missing_ok=True)
    config = settings.folder / "nginx.conf"
    config.touch(mode=0o600)  # It holds the key.
    config.write_text(render("nginx", settings), encoding="utf-8")
    return config


def _nginx_command(config: Path) -> list[str]:
    # nginx's workers and the agent share files, so they are one user; only root's would become another.
    user = f"user {pwd.getpwuid(os.geteuid()).pw_name}; " if os.geteuid() == 0 else ""
    return ["nginx", "-e", "stderr", "-c", str(config), "-g", f"{user}daemon off;"]


def _start(argv: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        argv, cwd=REPOSITORY, stdin=subprocess.DEVNULL, start_new_session=True,
        preexec_fn=die_with_parent,  # noqa: PLW1509 - only the call
    )  # fmt: skip


def _end_group(process: subprocess.Popen[bytes]) -> None:
    # nginx's workers outlive a master that was killed.
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _wait(process: subprocess.Popen[bytes], timeout_s: float) -> None:
    try:
        process.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return


def _exit(signal_number: int, frame: FrameType | None) -> None:
    raise SystemExit(0)
