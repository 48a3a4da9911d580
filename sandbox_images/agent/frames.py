"""Frames on a pipe: two lengths, a JSON header, a binary body."""

from __future__ import annotations

import json
import os
import struct

_LENGTHS = struct.Struct("!II")

# The worker is trusted, so these bounds only turn a confused stream into an error instead of an endless read.
MAX_HEADER_BYTES = 1 << 20
MAX_BODY_BYTES = 256 << 20


class FrameError(Exception):
    """The stream does not hold a frame."""


def read_frame(fd: int) -> tuple[dict[str, object], bytes] | None:
    """Read one frame; ``None`` when the stream ends.

    Raises:
        FrameError: the lengths or the header make no sense.
    """
    lengths = _read_exactly(fd, _LENGTHS.size)
    if lengths is None:
        return None
    header_size, body_size = _LENGTHS.unpack(lengths)
    if header_size > MAX_HEADER_BYTES or body_size > MAX_BODY_BYTES:
        raise FrameError(f"a frame of {header_size} + {body_size} bytes is out of bounds")
    header = _read_exactly(fd, header_size)
    body = _read_exactly(fd, body_size)
    if header is None or body is None:
        return None
    fields = json.loads(header)
    if not isinstance(fields, dict):
        raise FrameError("a frame's header is not an object")
    return fields, body


def write_frame(fd: int, fields: dict[str, object], *body: bytes) -> None:
    """Write one frame; ``body`` is sent piece by piece, without being joined."""
    header = json.dumps(fields).encode()
    _write_all(fd, _LENGTHS.pack(len(header), sum(map(len, body))) + header)
    for piece in body:
        _write_all(fd, piece)


def _read_exactly(fd: int, size: int) -> bytes | None:
    if size == 0:
        return b""
    data = os.read(fd, min(size, 1 << 20))
    if len(data) == size:
        return data
    pieces = [data]
    left = size - len(data)
    while left:
        if not pieces[-1]:
            return None
        pieces.append(os.read(fd, min(left, 1 << 20)))
        left -= len(pieces[-1])
    return b"".join(pieces)


def _write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
