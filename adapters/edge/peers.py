"""Connections to POPs that look whom they have reached before they say a word.

An address is checked when a POP is named, but a host name leads wherever its DNS says at the moment of the call (DNS
rebinding; OWASP's "Server Side Request Forgery Prevention" has the attack). So it is the connected socket that is
asked.
"""

from __future__ import annotations

import socket

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from domain.cache_refreshes.edge import EdgeRefusedError
from domain.cache_refreshes.pops import InvalidAddressError, check_ip_address


class PeerCheckingAdapter(HTTPAdapter):
    """The adapter of requests, with connections that are closed at once when they lead where no POP may be."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: object) -> None:  # noqa: FBT001, FBT002 - requests' own.
        """Build the pools; called by requests."""
        super().init_poolmanager(connections, maxsize, block, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


class _Connection(HTTPConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _TlsConnection(HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        return _checked(super()._new_conn())


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


def _checked(connected: socket.socket) -> socket.socket:
    address = str(connected.getpeername()[0])
    try:
        check_ip_address(address.partition("%")[0])
    except InvalidAddressError as error:
        connected.close()
        raise EdgeRefusedError(f"the POP's name leads to {address}, which {error}") from error
    return connected
