"""Blobs in a folder, in S3 (or a server with its dialect) or in Google Cloud Storage, by way of obstore.

A write to a folder goes to a file beside the place, which is then renamed into it: atomic. What obstore lacks
there, the conditional write of an existing object, is made here of a lock that all processes of the machine
share. So a folder is for one machine, or for a shared file system that knows ``flock``.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError
from obstore.store import GCSStore, LocalStore, S3Store

from domain.content.blobs import Blob, BlobChangedError, BlobNotFoundError, BlobStoreError, check_path

if TYPE_CHECKING:
    # These exist for type checkers only.
    from obstore import ObjectMeta, PutMode, PutResult, UpdateVersion
    from obstore.store import ClientConfig, GCSConfig, ObjectStore, RetryConfig, S3Config

SCHEMES = ("file", "s3", "gs")
TIMEOUT = timedelta(seconds=30)
CONNECT_TIMEOUT = timedelta(seconds=5)
RETRY_FOR = timedelta(seconds=10)
PIECE_BYTES = 1 << 20
PAGE = 1000

T = TypeVar("T")


def create_blob_store(url: str, endpoint: str | None = None) -> ObstoreBlobStore:
    """Return the store at ``url``: ``file:///folder``, ``s3://bucket/prefix`` or ``gs://bucket/prefix``.

    A folder is made where there is none. ``endpoint`` is a server with the dialect of S3 that is not Amazon's, or of
    Google's that is not theirs. Region and credentials come from where they always do (``AWS_REGION``,
    ``AWS_ACCESS_KEY_ID``, ``GOOGLE_SERVICE_ACCOUNT`` ...).

    Raises:
        ValueError: the URL has another scheme, or names no folder or bucket.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not (parts.path if parts.scheme == "file" else parts.netloc):
        raise ValueError(f"must be file:///folder, s3://bucket/prefix or gs://bucket/prefix, not {url!r}")
    if parts.scheme == "file":
        folder = Path(unquote(parts.path))
        folder.mkdir(parents=True, exist_ok=True)
        return ObstoreBlobStore(LocalStore(folder), folder / ".lock")
    client: ClientConfig = {"timeout": TIMEOUT, "connect_timeout": CONNECT_TIMEOUT}
    retries: RetryConfig = {"max_retries": 3, "retry_timeout": RETRY_FOR}
    if endpoint:
        # Whoever names a server without TLS means it.
        client["allow_http"] = endpoint.startswith("http://")
    if parts.scheme == "gs":
        base: GCSConfig = {"base_url": endpoint} if endpoint else {}
        gcs = GCSStore.from_url(url, config=base, client_options=client, retry_config=retries)
        return ObstoreBlobStore(gcs, None, is_by_generation=True)
    config: S3Config = {"endpoint": endpoint} if endpoint else {}
    return ObstoreBlobStore(S3Store.from_url(url, config=config, client_options=client, retry_config=retries), None)


class ObstoreBlobStore:
    """A ``BlobStore``; safe for many threads and processes. ``lock``: the file that serialises conditional writes.

    ``is_by_generation``: the store's conditions are about generations of an object, not about ETags, as Google's are;
    a generation is then what this calls an ETag.
    """

    def __init__(self, store: ObjectStore, lock: Path | None, *, is_by_generation: bool = False) -> None:
        self._store = store
        self._lock = lock
        self._is_by_generation = is_by_generation

    def put(self, path: str, content: bytes | Path) -> str:
        """Write a blob, whatever is there."""
        with self._exclusively():
            return _guarded(path, lambda: self._put(path, content, "overwrite"))

    def put_if_absent(self, path: str, content: bytes) -> str | None:
        """Write a blob, unless there is one already."""
        try:
            return _guarded(path, lambda: self._put(path, content, "create"))
        except BlobChangedError:
            return None

    def compare_and_swap(self, path: str, content: bytes, etag: str | None) -> str:
        """Write a blob if it is still the one with ``etag``."""
        if etag is None:
            return _guarded(path, lambda: self._put(path, content, "create"))
        if self._is_by_generation and not etag.isdigit():
            # No blob has it, and Google would call it a mistake.
            raise BlobChangedError(check_path(path))
        if self._lock is None:
            is_same: UpdateVersion = {"version": etag} if self._is_by_generation else {"e_tag": etag}
            return _guarded(path, lambda: self._put(path, content, is_same))
        with self._exclusively():
            found = self.head(path)
            if found is None or found.etag != etag:
                raise BlobChangedError(path)
            return _guarded(path, lambda: self._put(path, content, "overwrite"))

    def get(self, path: str) -> tuple[bytes, Blob]:
        """Return a blob's content, and what is known of exactly that content."""

        def read() -> tuple[bytes, Blob]:
            found = obstore.get(self._store, check_path(path))
            return bytes(found.bytes()), self._blob(found.meta)

        return _guarded(path, read)

    def get_range(self, path: str, start: int, length: int) -> bytes:
        """Return up to ``length`` bytes from ``start`` on."""
        found = self.head(path)
        if found is None:
            raise BlobNotFoundError(path)
        end = min(start + length, found.size_bytes)
        if end <= start:
            return b""
        return _guarded(path, lambda: bytes(obstore.get_range(self._store, path, start=start, end=end)))

    def stream(self, path: str) -> Iterator[bytes]:
        """Return a blob's content in pieces; what goes wrong on the way is a ``BlobStoreError``, too."""
        found = _guarded(path, lambda: obstore.get(self._store, check_path(path)))
        pieces = iter(found.stream(min_chunk_size=PIECE_BYTES))
        while (piece := _guarded(path, lambda: next(pieces, None))) is not None:
            yield bytes(piece)

    def head(self, path: str) -> Blob | None:
        """Return what is known of a blob; ``None``: there is none."""
        try:
            return self._blob(_guarded(path, lambda: obstore.head(self._store, check_path(path))))
        except BlobNotFoundError:
            return None

    def list(self, folder: str = "") -> Iterator[Blob]:
        """Return the blobs in ``folder`` and the folders in it, in no order; Google tells no ETags of them here."""
        prefix = check_path(folder) if folder else None
        pages = iter(obstore.list(self._store, prefix, chunk_size=PAGE))
        while (page := _guarded(folder, lambda: next(pages, None))) is not None:
            yield from (self._blob(meta) for meta in page if not str(meta["path"]).startswith("."))

    def delete(self, path: str) -> None:
        """Delete a blob; none is no error."""
        try:
            _guarded(path, lambda: obstore.delete(self._store, check_path(path)))
        except BlobNotFoundError:
            return

    def _put(self, path: str, content: bytes | Path, mode: PutMode) -> str:
        return self._etag(obstore.put(self._store, check_path(path), content, mode=mode))

    def _blob(self, meta: ObjectMeta) -> Blob:
        return Blob(str(meta["path"]), int(meta["size"]), self._etag(meta), meta["last_modified"])

    def _etag(self, found: ObjectMeta | PutResult) -> str:
        return str(found["version" if self._is_by_generation else "e_tag"] or "")

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        if self._lock is None:
            yield
            return
        # Each holder opens the file anew: locks belong to what was opened, so threads exclude each other as well.
        descriptor = os.open(self._lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)


def _guarded(path: str, ask: Callable[[], T]) -> T:
    try:
        return ask()
    except FileNotFoundError as error:
        raise BlobNotFoundError(path) from error
    except (AlreadyExistsError, PreconditionError) as error:
        raise BlobChangedError(path) from error
    except (BaseError, OSError) as error:
        raise BlobStoreError(f"{path}: {str(error).partition(chr(10))[0]}") from error
