"""The city in memory, behind real HTTP; a key is its owner's name."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cli.simulation.phone import Call
from tests.unit.cli.simulation.fake_city import FakeCity


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Headers and body in one packet: the second of two would wait 40 ms for the first to be acknowledged.
    wbufsize = 65536
    city: FakeCity

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length", "0"))
        body = json.loads(self.rfile.read(length)) if length else None
        if self.path == "/hang-up":
            self.close_connection = True
            return
        if self.path == "/close-after-this":
            # Without a word of it: the client takes the connection for open.
            self.close_connection = True
            self.wfile.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            return
        owner = self.headers["Authorization"].removeprefix("Bearer ")
        answer = self.city.answer(owner, Call("", self.command, self.path, body, dict(self.headers.items())))
        content = b"" if answer.status in (204, 304) else json.dumps(answer.body).encode()
        self.send_response(answer.status)
        if answer.etag:
            self.send_header("ETag", answer.etag)
        if answer.status not in (204, 304):
            self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def __getattr__(self, name: str) -> object:
        if name.startswith("do_"):
            return self.do_GET
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def served(city: FakeCity) -> Iterator[str]:
    """Serve ``city`` until the block ends; yields its address."""
    handler = type("Handler", (_Handler,), {"city": city})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
