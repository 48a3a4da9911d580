"""The folder that one embedded stack lives in: who holds it, its secrets, and where the running stack answers."""

from __future__ import annotations

import fcntl
import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path


class HomeError(Exception):
    """The folder cannot be used; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where a running stack answers, and the credentials that it made for its owner.

    ``log`` is the file that its processes write to; empty when they write where it was started.
    """

    pid: int
    api: str
    pop: str
    flower: str
    flower_user: str
    flower_password: str
    api_key: str
    database_url: str
    redis_url: str
    log: str


class Home:
    """The data folder ``path`` (``YARDMASTER_HOME``); made when missing."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.logs = path / "logs"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder for this process until the block ends.

        The kernel lets go of the lock with the process, so that one which was killed leaves nothing to clean up.

        Raises:
            HomeError: another process holds it, or the folder cannot be written.
        """
        try:
            self.logs.mkdir(parents=True, exist_ok=True)
            lock = (self.path / "lock").open("a+")
        except OSError as error:
            raise HomeError(f"cannot write to {self.path}: {error.strerror}; set YARDMASTER_HOME") from error
        with lock:
            self._lock(lock.fileno())
            lock.truncate(0)
            lock.write(str(os.getpid()))
            lock.flush()
            self._state.unlink(missing_ok=True)
            try:
                yield
            finally:
                self._state.unlink(missing_ok=True)

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = (self.path / "lock").read_text() or "unknown"
            raise HomeError(
                f"a stack is already running in {self.path} (process {holder}); "
                "stop it, or set YARDMASTER_HOME to another folder"
            ) from None

    def secret(self, name: str) -> str:
        """Return the secret ``name``, generated at the first call and the same ever after."""
        path = self.path / "secrets" / name
        if not path.exists():
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            _write_private(path, secrets.token_urlsafe(24))
        return path.read_text()

    def keep_secret(self, name: str, value: str) -> None:
        """Store ``value`` as the secret ``name``, in place of an earlier one."""
        path = self.path / "secrets" / name
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write_private(path, value)

    def find_secret(self, name: str) -> str | None:
        """Return the secret ``name`` if there is one."""
        path = self.path / "secrets" / name
        return path.read_text() if path.exists() else None

    def announce(self, addresses: Addresses) -> None:
        """Tell the other commands of this machine where the stack answers."""
        _write_private(self._state, json.dumps(asdict(addresses), indent=2))

    def running(self) -> Addresses | None:
        """Return where the stack in this folder answers, or ``None`` when none runs."""
        try:
            return Addresses(**json.loads(self._state.read_text()))
        except (FileNotFoundError, TypeError, ValueError):
            return None  # None runs, or one of another version left its file.

    @property
    def _state(self) -> Path:
        return self.path / "stack.json"


def _write_private(path: Path, content: str) -> None:
    # A new name each time: writing into an old file would keep the mode that somebody may have given it.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(content)
    draft.replace(path)
