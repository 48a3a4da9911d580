"""An origin for POPs: a small HTTP server that counts what it is asked, and can be told to fail."""

from __future__ import annotations

import hashlib
import hmac
import re
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from cli.stack.servers import HOST

SECRET = b"a secret of the tests"


@dataclass
class Served:
    """What the origin has under one path."""

    body: bytes
    tags: str = ""
    edge: str = "max-age=3600"
    browser: str = "public, max-age=60"
    content_type: str = "application/octet-stream"
    # Nobody should send one with what is for everybody; somebody will.
    cookie: str = "spy=1"

    @property
    def etag(self) -> str:
        return f'"{hashlib.sha256(self.body).hexdigest()}"'


@dataclass
class TestOrigin:
    """Its address, what it has, and what it was asked."""

    __test__ = False

    url: str = ""
    objects: dict[str, Served] = field(default_factory=dict)
    asked: Counter[str] = field(default_factory=Counter)
    conditional: Counter[str] = field(default_factory=Counter)
    seen_headers: list[dict[str, str]] = field(default_factory=list)
    failing_status: int | None = None
    delay_s: float = 0.0
    # Gives up a connection as soon as it is used a second time.
    hangs_up: bool = False

    def put(self, path: str, body: bytes, **details: str) -> Served:
        served = self.objects[path] = Served(body, **details)
        return served


def token(video: str, revision: str, expires: int) -> str:
    """Return a playback token as the platform makes them."""
    text = f"playback:{expires}:{video}/{revision}".encode()
    return f"{expires}.{hmac.new(SECRET, text, 'sha256').hexdigest()}"


class _Handler(BaseHTTPRequestHandler):
    origin: TestOrigin
    lock = threading.Lock()
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self.served = getattr(self, "served", 0) + 1
        if self.origin.hangs_up and self.served > 1:
            self.close_connection = True
            return
        with self.lock:
            self.origin.asked[self.path] += 1
            self.origin.conditional[self.path] += "If-None-Match" in self.headers
            self.origin.seen_headers.append({name.lower(): value for name, value in self.headers.items()})
        time.sleep(self.origin.delay_s)
        if self.origin.failing_status:
            self._answer(self.origin.failing_status, b"broken\n", {})
        elif self.path.startswith("/edge/tokens/"):
            self._judge()
        elif self.path in self.origin.objects:
            self._serve(self.origin.objects[self.path])
        else:
            self._answer(404, b"none\n", {})

    do_HEAD = do_GET  # noqa: N815 - the name that is looked for

    def _judge(self) -> None:
        found = re.fullmatch(r"/edge/tokens/((\d+)\.\w+)/([^/]+)/([^/]+)", self.path)
        left_s = int(found[2]) - int(time.time()) if found else 0
        is_valid = found and left_s > 0 and found[1] == token(found[3], found[4], int(found[2]))
        self._answer(204 if is_valid else 403, b"", {"CDN-Cache-Control": f"max-age={left_s if is_valid else 5}"})

    def _serve(self, served: Served) -> None:
        headers = {"ETag": served.etag, "Cache-Control": served.browser, "CDN-Cache-Control": served.edge,
                   "Surrogate-Key": served.tags, "Content-Type": served.content_type,
                   "Set-Cookie": served.cookie}  # fmt: skip
        is_known = self.headers.get("If-None-Match") == served.etag
        self._answer(304 if is_known else 200, b"" if is_known else served.body, headers)

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        if status not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: object) -> None: ...


class _Server(ThreadingHTTPServer):
    request_queue_size = 512

    def handle_error(self, *_: object) -> None: ...


@contextmanager
def running_origin() -> Iterator[TestOrigin]:
    """Run an origin until the block ends."""
    running = TestOrigin()

    class Handler(_Handler):
        origin = running

    with _Server((HOST, 0), Handler) as server:
        running.url = f"http://{HOST}:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield running
        finally:
            server.shutdown()
            thread.join()
