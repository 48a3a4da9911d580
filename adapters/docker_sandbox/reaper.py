"""Find and remove containers whose worker is gone."""

from __future__ import annotations

import logging
import os
import socket
import time
from pathlib import Path

from adapters.docker_sandbox.engine import CREATED_LABEL, OWNER_LABEL, Engine

_log = logging.getLogger(__name__)

# Every pool, this process's too, retires its boxes long before this, so whatever is older belongs to nobody.
_MAX_AGE_S = 3 * 3600.0


def owner_name() -> str:
    """Name this process so that another one on this host can tell whether it still lives."""
    return f"{socket.gethostname()}/{os.getpid()}/{_start_time(os.getpid())}"


class Reaper:
    """Removes the containers of dead workers of this host, and those that are too old, whoever made them."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def reap(self) -> int:
        """Remove what is leaked and say how many that were; idempotent, and safe in several workers at once.

        Raises:
            SandboxError: the engine cannot be asked.
        """
        leaked = [container for container, labels in self._engine.owned() if self._is_leaked(labels)]
        for container in leaked:
            _log.warning("removing the leaked container %s", container[:12])
            self._engine.remove(container)
        return len(leaked)

    def _is_leaked(self, labels: dict[str, str]) -> bool:
        return is_owner_dead(labels.get(OWNER_LABEL, "")) or _age_s(labels) > _MAX_AGE_S


def is_owner_dead(owner: str) -> bool:
    """Say whether ``owner`` is a process of this host that has ended; of other hosts nothing is known."""
    host, _, rest = owner.rpartition("/")[0].partition("/")
    if host != socket.gethostname() or not rest.isdigit():
        return False
    return _start_time(int(rest)) != owner.rpartition("/")[2]


def _start_time(pid: int) -> str:
    """Return when a process started, in ticks since boot, which tells it from a later one with the same pid."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""


def _age_s(labels: dict[str, str]) -> float:
    created = labels.get(CREATED_LABEL, "")
    return time.time() - int(created) if created.isdigit() else _MAX_AGE_S + 1
