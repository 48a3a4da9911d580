"""The cache folder of nginx, as the agent reads and changes it beside the running server.

nginx opens and reads a copy's file at every request. So a copy is dropped by unlinking its file, and made stale by
writing a past second into its header: then nginx serves it once more and fetches it anew, as it does with copies
whose time is over. The layout is ``ngx_http_file_cache_header_t`` of version 5 (nginx 1.11.10 and later, 64 bit),
followed by a line ``KEY: …`` and the origin's headers; another version is refused.
"""

from __future__ import annotations

import hashlib
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

VERSION = 5
# version, valid_sec, updating_sec, error_sec, last_modified, date, crc32, valid_msec, header_start, body_start
_HEADER = struct.Struct("=6qI3H")
_VALID_SEC = struct.Struct("=q")
_VALID_SEC_AT = 8
_READ_BYTES = 16 * 1024


class CacheFormatError(Exception):
    """The files are of an nginx that lays them out in another way."""


@dataclass(frozen=True, slots=True)
class CachedFile:
    """A copy: where it is, of what, and until when (Unix seconds) it is fresh. ``status`` is the origin's."""

    file: Path
    key: str
    status: int
    headers: dict[str, str]
    valid_until: int
    body_bytes: int

    @property
    def tags(self) -> frozenset[str]:
        """The words of its ``Surrogate-Key``."""
        return frozenset(self.headers.get("surrogate-key", "").split())


class NginxCache:
    """The folder that ``proxy_cache_path … levels=1:2`` names."""

    def __init__(self, folder: Path, clock: Callable[[], float] = time.time) -> None:
        self._folder = folder
        self._clock = clock

    def find(self, key: str) -> CachedFile | None:
        """Return the copy of ``key``.

        Raises:
            CacheFormatError: see there.
        """
        name = hashlib.md5(key.encode(), usedforsecurity=False).hexdigest()
        found = _read(self._folder / name[-1] / name[-3:-1] / name)
        return found if found and found.key == key else None

    def select(self, tags: frozenset[str], prefix: str | None) -> Iterator[CachedFile]:
        """Yield the copies that bear one of ``tags`` or lie under ``prefix``; every file is looked into.

        Raises:
            CacheFormatError: see there.
        """
        for path in self._files():
            found = _read(Path(path))
            if found and (tags & found.tags or (prefix is not None and found.key.startswith(prefix))):
                yield found

    def drop(self, copy: CachedFile) -> bool:
        """Remove a copy; tell whether it was still there."""
        try:
            copy.file.unlink()
        except FileNotFoundError:
            return False
        return True

    def expire(self, copy: CachedFile) -> bool:
        """Make a copy stale; tell whether it was still there."""
        try:
            with copy.file.open("r+b", buffering=0) as file:
                os.pwrite(file.fileno(), _VALID_SEC.pack(int(self._clock()) - 1), _VALID_SEC_AT)
        except FileNotFoundError:
            return False
        return True

    def size(self) -> tuple[int, int]:
        """Return the number of files, and their bytes."""
        objects = stored = 0
        for path in self._files():
            try:
                stored += Path(path).stat().st_size
                objects += 1
            except FileNotFoundError:
                continue  # nginx has just dropped it.
        return objects, stored

    def _files(self) -> Iterator[str]:
        for folder, _, names in os.walk(self._folder):
            for name in names:
                # Drafts of nginx have a number behind the name.
                if "." not in name:
                    yield f"{folder}/{name}"


def _read(path: Path) -> CachedFile | None:
    try:
        with path.open("rb", buffering=0) as file:
            head = file.read(_READ_BYTES)
            size_bytes = os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        return None
    if len(head) < _HEADER.size:
        return None
    version, valid_until, *_, header_start, body_start = _HEADER.unpack_from(head)
    if version != VERSION:
        raise CacheFormatError(f"{path} is of version {version} of nginx's cache files; {VERSION} is known")
    key = head[:header_start].partition(b"\nKEY: ")[2].rstrip(b"\n").decode(errors="replace")
    status_line, *lines = head[header_start:body_start].decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, colon, value in (line.partition(":") for line in lines) if colon}
    return CachedFile(path, key, int(status_line.split()[1]), headers, valid_until, size_bytes - body_start)
