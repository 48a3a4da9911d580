"""Choose the ports of the embedded stack."""

from __future__ import annotations

import socket

from cli.stack.servers import HOST, free_port


class PortTakenError(Exception):
    """Somebody else listens on the port that a setting asks for; the message names both."""


def choose_port(wanted: int | None, preferred: int, variable: str) -> int:
    """Return ``wanted``; without a wish ``preferred`` if it is free, else any free loopback port.

    Raises:
        PortTakenError: ``wanted``, which ``variable`` asks for, is taken.
    """
    if wanted is not None:
        if not _is_free(wanted):
            raise PortTakenError(f"port {wanted} ({variable}) is taken; choose another, or leave {variable} unset")
        return wanted
    return preferred if _is_free(preferred) else free_port()


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        # As servers do: a port whose last connections still linger is free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True
