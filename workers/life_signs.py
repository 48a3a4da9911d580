"""Signs of life of the processes that serve nobody: files, whose age says when a process last did its work.

A health check that asks whether there is a process would not notice one that hangs.
"""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

DISPATCHER = "dispatcher"
BEAT = "beat"
"""Folders of the home. Beat's holds the file in which Celery notes each tick; no name can be said, for it is the
business of Python's ``dbm``."""


def show_life(folder: Path) -> None:
    """Have ``silence_s`` begin anew. A folder that cannot be written to costs the sign of life and nothing else."""
    with suppress(OSError):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "alive").touch()


def silence_s(folder: Path) -> float | None:
    """Return the seconds since anything in ``folder`` was written; ``None`` when nothing is there."""
    written_at = []
    for path in folder.glob("*"):
        # A file may vanish after it was listed: beat's database makes and removes files as it writes.
        with suppress(FileNotFoundError):
            written_at.append(path.stat().st_mtime)
    return time.time() - max(written_at) if written_at else None
