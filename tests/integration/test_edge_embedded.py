"""The embedded POP and viewers who take their time, or leave."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from cli.pop.embedded import create_server
from cli.stack.servers import HOST
from config.settings import PopSettings
from tests.edge_origin import TestOrigin
from tests.edge_world import awaited
from tests.pops import KEY

BODY = b"x" * (32 << 20)
PATH = "/v1/film"
# What a viewer may need for a piece of an answer, in these tests.
PATIENCE_S = 1.0


@pytest.fixture
def server(edge_origin: TestOrigin, tmp_path: Path) -> Iterator[ThreadingHTTPServer]:
    edge_origin.put(PATH, BODY)
    settings = PopSettings(
        name="here", key=KEY, origin=edge_origin.url, listen=f"{HOST}:0", agent_port=1,
        control_networks=(f"{HOST}/32",), folder=tmp_path, capacity_bytes=64 << 20,
    )  # fmt: skip
    with create_server(settings) as server:
        server.RequestHandlerClass.timeout = PATIENCE_S  # type: ignore[attr-defined]  # A handler of streams has one.
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def asking(server: ThreadingHTTPServer) -> socket.socket:
    connection = socket.create_connection((HOST, server.server_port), timeout=20)
    connection.sendall(f"GET {PATH} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    return connection


def test_a_viewer_who_needs_longer_than_for_one_piece_gets_the_whole(server: ThreadingHTTPServer) -> None:
    received = bytearray()
    with asking(server) as viewer:
        while piece := viewer.recv(1 << 20, socket.MSG_WAITALL):
            received += piece
            # Slower than the whole may be, faster than a piece must be.
            time.sleep(2 * PATIENCE_S / (len(BODY) >> 20))

    assert received.partition(b"\r\n\r\n")[2] == BODY


def test_a_body_is_not_taken_for_the_next_request(server: ThreadingHTTPServer, edge_origin: TestOrigin) -> None:
    body = b"GET /v1/hidden HTTP/1.1\r\nHost: x\r\n\r\n"
    edge_origin.put("/v1/small", b"small")
    with socket.create_connection((HOST, server.server_port), timeout=20) as viewer:
        viewer.sendall(b"GET /v1/small HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body))
        viewer.sendall(body)
        received = bytearray()
        with suppress(ConnectionResetError):  # There was more to be read.
            while piece := viewer.recv(1 << 16):
                received += piece

    assert received.count(b"HTTP/1.1 ") <= 1
    assert edge_origin.asked["/v1/hidden"] == 0


def test_a_viewer_who_leaves_is_no_error(server: ThreadingHTTPServer, capsys: pytest.CaptureFixture[str]) -> None:
    before = threading.active_count()
    viewer = asking(server)
    viewer.recv(1)
    viewer.close()

    awaited(lambda: threading.active_count() <= before)

    assert "Traceback" not in capsys.readouterr().err
