from __future__ import annotations

import socket

import pytest

from cli.stack.ports import PortTakenError, choose_port
from cli.stack.servers import free_port


def test_the_preferred_port_is_taken_when_it_is_free() -> None:
    preferred = free_port()

    assert choose_port(None, preferred, "API_PORT") == preferred


def test_another_port_is_chosen_when_the_preferred_one_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        assert choose_port(None, port, "API_PORT") != port


def test_a_taken_port_that_was_asked_for_is_an_error_naming_the_setting() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

        with pytest.raises(PortTakenError, match=rf"port {port} \(API_PORT\) is taken"):
            choose_port(port, 8000, "API_PORT")
