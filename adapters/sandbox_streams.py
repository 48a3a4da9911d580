"""A socket to an agent as a ``sandbox_protocol.Stream``."""

from __future__ import annotations

import os
import select
import socket
from typing import IO

_CHUNK_BYTES = 1 << 16


class SocketStream:
    """One end of a socket pair, whose other end is the agent's stdin and stdout; its stderr is a pipe."""

    def __init__(self, connection: socket.socket, errors: IO[bytes]) -> None:
        self._socket = connection
        self._errors = errors

    def send(self, data: bytes, timeout_s: float) -> None:
        """Send all of ``data``."""
        self._socket.settimeout(timeout_s)
        self._socket.sendall(data)

    def receive(self, timeout_s: float) -> bytes:
        """Return what has come."""
        self._socket.settimeout(timeout_s)
        return self._socket.recv(_CHUNK_BYTES)

    def is_quiet(self) -> bool:
        """Say whether the socket is open with nothing to read."""
        return is_quiet(self._socket)

    def shut(self) -> None:
        """Hang up, which ends the agent."""
        shut(self._socket)

    def complaint(self) -> str:
        """Return what the agent wrote to stderr."""
        try:
            os.set_blocking(self._errors.fileno(), False)
            return (self._errors.read() or b"").decode(errors="replace")
        except ValueError:
            return ""  # The box is removed, and the pipe closed.


def is_quiet(connection: socket.socket) -> bool:
    """Say whether a socket is open with nothing to read."""
    try:
        poll = select.poll()
        poll.register(connection, select.POLLIN)
        return not poll.poll(0)
    except (OSError, ValueError):
        return False  # It is closed.


def shut(connection: socket.socket) -> None:
    """End both directions, waking whoever waits on the socket; idempotent."""
    try:
        # Not TLS's own, which drops its state first: who reads in another thread would find none, and not the end.
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
    except OSError:
        return  # It has ended already.
