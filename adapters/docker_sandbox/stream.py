"""A container's attached stdin and stdout as a ``sandbox_protocol.Stream``."""

from __future__ import annotations

import socket
import struct
from typing import Protocol

from adapters.sandbox_streams import is_quiet, shut

# https://docs.docker.com/reference/api/engine/: without a terminal, output comes in frames of one byte that names the
# stream, three of nothing, and the payload's length.
_FRAME = struct.Struct("!BxxxI")
_STDERR = 2
_CHUNK_BYTES = 1 << 16
_COMPLAINT_BYTES = 4096


class SupportsClose(Protocol):
    """What the SDK hands out for a connection."""

    def close(self) -> None:
        """Let go of the connection."""


class AttachedStream:
    """The hijacked connection of an attach request, over a unix socket, TCP or TLS."""

    def __init__(self, connection: socket.socket, owner: SupportsClose) -> None:
        """Take over ``connection``, which ``owner`` keeps open until both are closed."""
        self._socket = connection
        self._owner = owner
        self._raw = bytearray()
        self._left = 0
        self._is_stderr = False
        self._complaint = bytearray()

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of ``data``."""
        self._socket.settimeout(timeout_s)
        self._socket.sendall(data)

    def receive(self, timeout_s: float) -> bytes:
        """Return some of what the agent wrote to stdout, keeping the end of what it wrote to stderr."""
        self._socket.settimeout(timeout_s)
        while True:
            if payload := self._demultiplex():
                return payload
            data = self._socket.recv(_CHUNK_BYTES)
            if not data:
                return b""
            self._raw += data

    def is_quiet(self) -> bool:
        """Say whether the connection is open with nothing to read."""
        return not self._raw and is_quiet(self._socket)

    def shut(self) -> None:
        """End both directions; the engine then ends the agent's stdin."""
        shut(self._socket)

    def close(self) -> None:
        """Give the file descriptor back, once nobody reads any more."""
        self.shut()
        self._owner.close()
        self._socket.close()

    def complaint(self) -> str:
        """Return the end of what the agent wrote to stderr."""
        return self._complaint.decode(errors="replace")

    def _demultiplex(self) -> bytes:
        out = bytearray()
        while True:
            if self._left == 0:
                if len(self._raw) < _FRAME.size:
                    return bytes(out)
                number, self._left = _FRAME.unpack_from(self._raw)
                self._is_stderr = number == _STDERR
                del self._raw[: _FRAME.size]
            payload = self._raw[: self._left]
            if not payload and self._left:
                return bytes(out)
            del self._raw[: len(payload)]
            self._left -= len(payload)
            if self._is_stderr:
                self._complaint = (self._complaint + payload)[-_COMPLAINT_BYTES:]
            else:
                out += payload
