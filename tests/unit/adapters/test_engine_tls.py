"""TLS to an engine, as the SDK's client uses it."""

from __future__ import annotations

import socket
import ssl

import pytest

from adapters.docker_sandbox.tls import EngineAdapter
from adapters.sandbox_streams import shut


@pytest.fixture
def context() -> ssl.SSLContext:
    context = EngineAdapter().poolmanager.connection_pool_kw["ssl_context"]
    assert isinstance(context, ssl.SSLContext)
    return context


def test_an_engines_certificate_is_checked_but_not_against_the_letter_of_the_rfc(context: ssl.SSLContext) -> None:
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname
    assert not context.verify_flags & ssl.VERIFY_X509_STRICT


def test_who_reads_from_a_connection_that_was_shut_meets_its_end(context: ssl.SSLContext) -> None:
    near, far = socket.socketpair()
    with far, context.wrap_socket(near, server_hostname="docker", do_handshake_on_connect=False) as connection:
        shut(connection)
        shut(connection)

        # Without its state it would be a ValueError, which nobody takes for the end of a connection.
        assert connection.read(1) == b""
        assert far.recv(1) == b""
