"""Where content is kept: whole objects under paths, written at once or not at all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol

MAX_PATH_CHARS = 512
# What every store, file system, URL and shell takes as it is; and no segment that begins with a dot, so neither ".."
# nor the store's own files can be named.
_PATH = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]*(/[A-Za-z0-9_-][A-Za-z0-9._-]*)*")


class BlobStoreError(Exception):
    """The store did not do what it was asked, but may do so later."""


class BlobNotFoundError(Exception):
    """There is no such blob."""


class BlobChangedError(Exception):
    """The blob is not as the caller knew it; nothing was written."""


class InvalidBlobPathError(ValueError):
    """A blob cannot have that path."""


class UnconditionalStoreError(Exception):
    """The store writes although it was told not to: two publishers at once would overwrite each other."""


@dataclass(frozen=True, slots=True)
class Blob:
    """What is known of a blob without reading it.

    ``etag`` changes with the content, and is nothing else: no checksum, and of no fixed form.
    """

    path: str
    size_bytes: int
    etag: str
    modified_at: datetime


class BlobStore(Protocol):
    """Blobs by path. A reader sees a blob as it was before a write or as it is after it, never in between.

    Everything raises ``InvalidBlobPathError`` for a path that ``check_path`` refuses, and ``BlobStoreError`` while
    the store is away.
    """

    def put(self, path: str, content: bytes | Path) -> str:
        """Write a blob, whatever is there, and return its ETag; a file is not read into memory as a whole."""

    def put_if_absent(self, path: str, content: bytes) -> str | None:
        """Write a blob and return its ETag; ``None``: there is one already, and nothing was written."""

    def compare_and_swap(self, path: str, content: bytes, etag: str | None) -> str:
        """Write a blob if it is still the one with ``etag`` (``None``: if there is still none); return the new ETag.

        Raises:
            BlobChangedError: somebody else was faster.
        """

    def get(self, path: str) -> tuple[bytes, Blob]:
        """Return a blob's content, and what is known of exactly that content.

        Raises:
            BlobNotFoundError: there is none.
        """

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``start`` on; fewer where the blob ends, none behind its end.

        Raises:
            BlobNotFoundError: there is none.
        """

    def stream(self, path: str) -> Iterator[bytes]:
        """Return a blob's content in pieces, all of the same version.

        Raises:
            BlobNotFoundError: there is none.
        """

    def head(self, path: str) -> Blob | None:
        """Return what is known of a blob; ``None``: there is none."""

    def list(self, folder: str = "") -> Iterator[Blob]:
        """Return the blobs in ``folder`` and the folders in it, in no order; ``""`` is everything."""

    def delete(self, path: str) -> None:
        """Delete a blob; none is no error."""


def check_path(path: str) -> str:
    """Return ``path`` if a blob can have it: segments of letters, digits, ``.``, ``_`` and ``-``, parted by slashes.

    Raises:
        InvalidBlobPathError: it is empty, too long, has other characters, or a segment that begins with a dot.
    """
    if len(path) > MAX_PATH_CHARS or not _PATH.fullmatch(path):
        raise InvalidBlobPathError(f"no blob can be called {path[:MAX_PATH_CHARS]!r}")
    return path


def check_conditions(store: BlobStore, path: str) -> None:
    """See whether the store keeps its word about conditional writes, with a blob at ``path`` that is deleted again.

    Some servers with the dialect of S3 take the condition and write all the same.

    Raises:
        UnconditionalStoreError: it does not.
    """
    store.delete(path)
    first = store.compare_and_swap(path, b"first", None)
    try:
        is_overwritten = store.put_if_absent(path, b"second") is not None
        if not is_overwritten:
            store.compare_and_swap(path, b"third", first)
            is_overwritten = _is_swapped(store, path, first) or _is_swapped(store, path, None)
        if is_overwritten or store.get(path)[0] != b"third":
            raise UnconditionalStoreError("the blob store overwrites what it was told to leave alone")
    finally:
        store.delete(path)


def _is_swapped(store: BlobStore, path: str, etag: str | None) -> bool:
    try:
        store.compare_and_swap(path, b"fourth", etag)
    except BlobChangedError:
        return False
    return True
