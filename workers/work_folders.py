"""Folders that a job works in, which are gone when it is over, however it ended."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_LOCK = ".lock"


class WorkFolders:
    """Folders under ``root``. What a worker left that was killed is deleted when the next folder is asked for."""

    def __init__(self, root: Path) -> None:
        self._root = root

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """Make an empty folder, and delete it with all that is in it when the block ends.

        The kernel lets go of its lock with the process, so that nobody else's folder is taken for one that was left.
        """
        self._root.mkdir(parents=True, exist_ok=True)
        self._delete_left()
        folder = self._root / name
        lock = os.open(self._root / f"{name}{_LOCK}", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir(mode=0o700)
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            (self._root / f"{name}{_LOCK}").unlink(missing_ok=True)
            os.close(lock)

    def _delete_left(self) -> None:
        for path in self._root.glob(f"*{_LOCK}"):
            # Whoever made it may just be deleting it.
            with suppress(FileNotFoundError, BlockingIOError):
                lock = os.open(path, os.O_RDWR | os.O_CLOEXEC)
                try:
                    fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    shutil.rmtree(path.with_name(path.name.removesuffix(_LOCK)), ignore_errors=True)
                    path.unlink(missing_ok=True)
                finally:
                    os.close(lock)
