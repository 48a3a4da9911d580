"""Where a POP's name may lead: a driver looks whom it has reached before it says anything."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator

import pytest

from adapters.edge import HttpPopDriver
from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError

LINK_LOCAL = "169.254.99.7"


@pytest.fixture
def link_local() -> Iterator[str]:
    """Give this machine an address where clouds have their credentials."""
    subprocess.run(["ip", "address", "add", f"{LINK_LOCAL}/32", "dev", "lo"], check=True)
    yield LINK_LOCAL
    subprocess.run(["ip", "address", "delete", f"{LINK_LOCAL}/32", "dev", "lo"], check=True)


def test_a_server_where_no_pop_may_be_is_told_neither_key_nor_path(link_local: str) -> None:
    with socket.create_server((link_local, 0)) as server:
        driver = HttpPopDriver(f"http://{link_local}:{server.getsockname()[1]}", "a-key-of-a-pop")

        with pytest.raises(EdgeRefusedError, match=f"leads to {link_local}"):
            driver.stats()

        connected, _ = server.accept()
        with connected:
            connected.settimeout(5)
            assert connected.recv(1) == b""


def test_a_server_on_the_machine_itself_is_asked() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"http://localhost:{server.getsockname()[1]}"
    driver = HttpPopDriver(address, "a-key-of-a-pop")

    with pytest.raises(EdgeError, match="refused"):
        driver.stats()
