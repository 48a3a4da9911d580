"""The files of videos out of the blob store: a piece of one in memory at most, and never a damaged one whole."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from uuid import UUID

from domain.content.blobs import BlobNotFoundError, BlobStore, BlobStoreError
from domain.videos.manifests import (
    MANIFEST,
    DamagedManifestError,
    Manifest,
    ManifestFile,
    blob_path,
    parse_manifest,
)
from web.platform import platform

PIECE_BYTES = 1 << 20


def find_manifest(video_id: UUID, revision: str) -> Manifest:
    """Return the manifest of a revision that is served, from memory if it was read lately.

    Raises:
        BlobStoreError: the store is away, or has lost it.
    """
    blobs = platform().blobs

    def read() -> Manifest:
        try:
            content, _ = blobs.get(blob_path(video_id, revision, MANIFEST))
            return parse_manifest(content, revision)
        except (BlobNotFoundError, DamagedManifestError) as error:
            raise BlobStoreError(f"the manifest of {video_id} is missing or damaged") from error

    found = platform().manifests.get((video_id, revision), read)
    assert found is not None
    return found


def read_file(video_id: UUID, revision: str, file: ManifestFile, part: range) -> Iterator[bytes]:
    """Return some of a file's bytes in pieces; the first has been read when this returns.

    Raises:
        BlobStoreError: the store is away, or what it has is not what was published; also on the way, which cuts the
            answer off.
    """
    path = blob_path(video_id, revision, file.path)
    # Held here, because the pieces are read when the request's context is gone.
    blobs = platform().blobs
    first = _read_piece(blobs, path, part.start, min(PIECE_BYTES, len(part)))
    # What comes in one piece can be held to its checksum; longer files are held to their size.
    if len(first) == file.size_bytes and hashlib.sha256(first).hexdigest() != file.sha256:
        raise BlobStoreError(f"{path} is damaged")
    return _pieces(blobs, path, part, first)


def _pieces(blobs: BlobStore, path: str, part: range, first: bytes) -> Iterator[bytes]:
    yield first
    for start in range(part.start + len(first), part.stop, PIECE_BYTES):
        yield _read_piece(blobs, path, start, min(PIECE_BYTES, part.stop - start))


def _read_piece(blobs: BlobStore, path: str, start: int, length: int) -> bytes:
    try:
        piece = blobs.get_range(path, start, length)
    except BlobNotFoundError as error:
        raise BlobStoreError(f"{path} is missing") from error
    if len(piece) != length:
        raise BlobStoreError(f"{path} is cut off")
    return piece
