"""The bounds of an upload, which comes in chunks and goes on after an interruption."""

from __future__ import annotations

from dataclasses import dataclass

FOLDER = "uploads"
MAX_BYTES = 32 << 30
MAX_CHUNK_BYTES = 8 << 20
MIN_CHUNK_BYTES = 64 << 10
"""A chunk that is not the last has this size at least, so that the number of parts is bounded."""


class ChunkError(Exception):
    """The chunk cannot be taken, at this offset or any."""


@dataclass(frozen=True, slots=True)
class Part:
    """A chunk that was taken: where it begins in the file, its size, and its SHA-256 in hexadecimal digits."""

    start: int
    size_bytes: int
    sha256: str
    path: str


def check_chunk(size_bytes: int, offset: int, chunk_bytes: int) -> None:
    """Refuse a chunk for an upload of ``size_bytes`` of which ``offset`` bytes are there.

    Raises:
        ChunkError: it is empty, or so small that there would be too many.
    """
    is_last = offset + chunk_bytes == size_bytes
    if chunk_bytes == 0 or (chunk_bytes < MIN_CHUNK_BYTES and not is_last):
        raise ChunkError(f"every chunk but the last has {MIN_CHUNK_BYTES} bytes at least")
