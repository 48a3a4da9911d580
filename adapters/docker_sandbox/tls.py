"""TLS to an engine: with certificates as Docker's documentation makes them, and connections that may be cut."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from requests.adapters import HTTPAdapter
from urllib3.util.ssl_ import create_urllib3_context


class EngineAdapter(HTTPAdapter):
    """Carries the SDK's requests over TLS.

    An engine's certificate is checked as the ``docker`` command checks it. From version 3.13 on Python wants
    certificates to follow RFC 5280 to the letter, which those that are made as Docker's documentation says do not:
    their authority names no key usage. Signature, name and dates are checked all the same.
    """

    # The signature is the library's.
    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: object) -> None:  # noqa: FBT001, FBT002
        """Make the pool of connections, with a context of our own."""
        context = create_urllib3_context()
        context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        context.sslsocket_class = EngineSocket
        super().init_poolmanager(connections, maxsize, block, ssl_context=context, **options)


class EngineSocket(ssl.SSLSocket):
    """Takes an error of one connection for that connection's alone.

    OpenSSL keeps a queue of errors per thread. Python leaves a system error there when it raises it as ``OSError``,
    and reports it from then on for each connection of that thread whose data has not come yet: one run that is killed
    would spoil all that the thread runs afterwards. (https://github.com/python/cpython/issues/148594)
    """

    def read(self, *arguments: object) -> bytes:
        """Read as the library does."""
        with _errors_forgotten():
            return super().read(*arguments)  # type: ignore[arg-type]  # Handed on as they came.

    def send(self, *arguments: object) -> int:
        """Send as the library does."""
        with _errors_forgotten():
            return super().send(*arguments)  # type: ignore[arg-type]  # Handed on as they came.

    def do_handshake(self, block: bool = False) -> None:  # noqa: FBT001, FBT002 - the library's signature
        """Shake hands as the library does."""
        with _errors_forgotten():
            super().do_handshake(block)


@contextmanager
def _errors_forgotten() -> Iterator[None]:
    try:
        yield
    except OSError:
        # There is no call for emptying the queue, but this one does it on its way to fail.
        with suppress(ssl.SSLError):
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).set_ciphers("none")
        raise
