"""Compiled programs kept as files, for every worker process of this machine.

An entry is one file: the SHA-256 of the artefact, then the artefact. It is written beside its place and renamed into
it, so a reader sees all of it or nothing, whoever else writes, evicts or dies. The modification time is when it was
last used. Nothing is locked: two processes that put the same key write the same bytes, and an entry evicted under a
reader's hands is a miss or a file that stays readable until it is closed.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path

_log = logging.getLogger(__name__)

_DIGEST_BYTES = hashlib.sha256().digest_size
# One program may not push out all the others.
_MAX_SHARE = 4
# How much may be written between two looks at the whole folder, as a share of the bound; what a process does not
# know of the others' writing can exceed the bound by that much each.
_SWEEP_SHARE = 16
# Eviction goes a bit below the bound, so that the next entries need none.
_LOW_WATER = 0.9
_ABANDONED_S = 3600
_TEMPORARY = ".tmp"


@dataclass(frozen=True, slots=True)
class _Entry:
    path: Path
    used_at: float
    size_bytes: int


class FileCompileCache:
    """``domain.code_runs.cache.CompileCache`` in ``folder``, of ``max_bytes`` in all; for many threads."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes
        self._lock = threading.Lock()
        # As if enough had been written: the first entry looks at what earlier processes have left.
        self._unswept_bytes = max_bytes

    def get(self, key: str) -> bytes | None:
        """Return the artefact under ``key``; a damaged one is removed and counts as none."""
        path = self._path(key)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        digest, artefact = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(artefact).digest() != digest:
            _log.warning("removed a damaged entry of the compile cache: %s", path)
            _remove(path)
            return None
        # It may have been evicted meanwhile, or the disk be read-only: what was read is good all the same.
        with contextlib.suppress(OSError):
            os.utime(path)
        return artefact

    def put(self, key: str, artefact: bytes) -> None:
        """Keep ``artefact`` unless it is larger than a quarter of the cache; a disk that refuses is only logged."""
        size_bytes = _DIGEST_BYTES + len(artefact)
        if size_bytes > self._max_bytes // _MAX_SHARE:
            return
        try:
            self._write(self._path(key), hashlib.sha256(artefact).digest() + artefact)
            if self._is_sweep_due(size_bytes):
                self._sweep()
        except OSError as error:
            _log.warning("the compile cache could not be written: %s", error)

    def _path(self, key: str) -> Path:
        return self._folder / key[:2] / key[2:]

    def _write(self, path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(suffix=_TEMPORARY, dir=path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
            Path(name).replace(path)
        except OSError:
            _remove(Path(name))
            raise

    def _is_sweep_due(self, written_bytes: int) -> bool:
        with self._lock:
            self._unswept_bytes += written_bytes
            if self._unswept_bytes < self._max_bytes // _SWEEP_SHARE:
                return False
            self._unswept_bytes = 0
            return True

    def _sweep(self) -> None:
        """Remove what was used longest ago until the rest is within the bound."""
        entries = sorted(self._entries(), key=lambda entry: entry.used_at)
        total_bytes = sum(entry.size_bytes for entry in entries)
        if total_bytes <= self._max_bytes:
            return
        for entry in entries:
            if total_bytes <= self._max_bytes * _LOW_WATER:
                return
            _remove(entry.path)
            total_bytes -= entry.size_bytes

    def _entries(self) -> list[_Entry]:
        entries = []
        abandoned_before = time.time() - _ABANDONED_S
        for path in self._folder.glob("??/*"):
            try:
                status = path.stat()
            except OSError:
                continue
            if path.suffix != _TEMPORARY:
                entries.append(_Entry(path, status.st_mtime, status.st_size))
            elif status.st_mtime < abandoned_before:
                _remove(path)
        return entries


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink(missing_ok=True)
