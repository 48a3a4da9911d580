"""A small POP in one Python process: for demonstrations, and for machines that have neither Varnish nor nginx.

It keeps the contract of ``docs/edge.md`` in full, at a fraction of their speed: a thread per connection, everything
in memory, empty after a restart. An object larger than all its room is passed on from the origin, and not kept.
"""

from __future__ import annotations

import hmac
import http.client
import json
import re
import threading
from contextlib import suppress
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from cli.pop.agent import STATS_PATH
from cli.pop.origin import TIMEOUT_S, Origin, TooLargeError
from cli.pop.shelf import Shelf, Stored
from config.settings import PopSettings
from domain.cache_refreshes.edge import PopStats
from web.byte_ranges import UnsatisfiableRangeError, parse_range

# Paths that climb, and such as the origin would read otherwise than we do: with letters, digits or slashes in
# disguise ("/%76/" is its "/v/"), or beyond ASCII.
_MALFORMED = re.compile(
    r"(/|%2f|\\|%5c)(\.|%2e){2}(/|%2f|\\|%5c|\?|$)"
    r"|^[^?]*%(2f|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])"
    r"|[^ -~]",
    re.IGNORECASE,
)
_PLAYBACK = re.compile(r"/t/([0-9]{1,12}\.[0-9a-f]{64})(/v/([^/?]+)/([^/?]+)/[^?]+)")
_PASSED_ON = ("Content-Type", "Content-Length", "ETag", "Cache-Control")
_CHUNK_BYTES = 1 << 16


def serve_embedded(settings: PopSettings) -> None:
    """Serve until the process is ended."""
    with create_server(settings) as server:
        server.serve_forever()


def create_server(settings: PopSettings) -> ThreadingHTTPServer:
    """Return the server, which listens already."""

    class Handler(_Handler):
        pop = _Pop(settings)

    host, _, port = settings.listen.rpartition(":")
    return _Server((host, int(port)), Handler)


class _Server(ThreadingHTTPServer):
    request_queue_size = 1024


class _Pop:
    """What the connections share."""

    def __init__(self, settings: PopSettings) -> None:
        self.settings = settings
        self.shelf = Shelf(settings.capacity_bytes)
        self.origin = Origin(settings.origin, self.shelf)
        self._networks = [ip_network(network) for network in settings.control_networks]
        self._lock = threading.Lock()
        self._hits = self._misses = self._sent_bytes = 0

    def is_control(self, address: str, key: str) -> bool:
        is_key = hmac.compare_digest(key.encode(), self.settings.key.encode())
        return is_key and any(ip_address(address) in network for network in self._networks)

    def count(self, *, is_hit: bool, sent_bytes: int) -> None:
        with self._lock:
            self._hits += is_hit
            self._misses += not is_hit
            self._sent_bytes += sent_bytes

    def stats(self) -> PopStats:
        objects, stored = self.shelf.size()
        with self._lock:
            return PopStats(self._hits, self._misses, self._sent_bytes, objects, stored)


class _Handler(BaseHTTPRequestHandler):
    pop: _Pop
    server_version = "yardmaster-pop"
    sys_version = ""
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def handle(self) -> None:
        """Answer one request after another; a viewer who leaves is no error."""
        with suppress(ConnectionError):
            super().handle()

    def do_GET(self) -> None:
        """Serve a viewer, or who fills and probes."""
        if not self._admit():
            return
        if self._is_control and self.path == STATS_PATH:
            body = json.dumps(asdict(self.pop.stats())).encode()
            self._answer(200, {"Content-Type": "application/json", "Cache-Control": "no-store"}, body)
        elif self._asks_cached():
            self._probe()
        else:
            self._serve()

    do_HEAD = do_GET  # noqa: N815 - the name that is looked for

    def do_OPTIONS(self) -> None:
        """Say what pages of other sites may send."""
        if self._admit():
            self._answer(204, {"Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
                               "Access-Control-Allow-Headers": "Range, If-None-Match, If-Range",
                               "Access-Control-Max-Age": "86400"})  # fmt: skip

    def do_PURGE(self) -> None:
        """Drop copies, or make them stale."""
        if not self._admit():
            return
        tags = frozenset((self.headers.get("Surrogate-Key") or "").split())
        prefix = self.headers.get("X-Purge-Prefix")

        def is_chosen(path: str, copy: Stored) -> bool:
            if tags or prefix is not None:
                return bool(tags & copy.tags) or (prefix is not None and path.startswith(prefix))
            return path == self.path

        count = self.pop.shelf.purge(is_chosen, is_soft="X-Soft-Purge" in self.headers)
        self._answer(200, {"X-Purged": str(count)})

    def do_POST(self) -> None:
        """Refuse: nothing is written through a cache."""
        self.close_connection = True
        self._answer(405, {"Allow": "GET, HEAD, OPTIONS"})

    do_PUT = do_DELETE = do_PATCH = do_POST  # noqa: N815 - the names that are looked for

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Keep no log of viewers."""

    def _admit(self) -> bool:
        """Refuse what must not be asked, or not by this caller."""
        if self.headers.get("Content-Length", "0") != "0" or "Transfer-Encoding" in self.headers:
            # A body is not read, and must not be taken for the next request.
            self.close_connection = True
        key = self.headers.get("X-Pop-Key")
        self._is_control = key is not None and self.pop.is_control(self.client_address[0], key)
        refusal = self._refusal(has_key=key is not None)
        if refusal:
            self._answer(refusal, {})
        return not refusal

    def _refusal(self, *, has_key: bool) -> int:
        asks_control = self.command == "PURGE" or self._asks_cached() or self.path.startswith("/_pop/")
        if not self.path.startswith("/") or _MALFORMED.search(self.path):
            return 400
        if (has_key or asks_control) and not self._is_control:
            return 403
        return 404 if self.path.startswith("/edge/") else 0

    def _asks_cached(self) -> bool:
        return "only-if-cached" in (self.headers.get("Cache-Control") or "")

    def _probe(self) -> None:
        copy = self.pop.shelf.get(self.path)
        if copy is None or copy.status != 200:
            self._answer(504, {})
            return
        ttl = int(copy.fresh_until - self.pop.shelf.clock() // 1)
        self._answer(200, {"ETag": copy.header("etag"), "X-Pop-Length": str(len(copy.body)),
                           "Cache-Status": self._status(f"hit; ttl={ttl}")})  # fmt: skip

    def _serve(self) -> None:
        try:
            path = self._permitted_path()
            found = self._find(path) if path is not None else None
        except (http.client.HTTPException, OSError):
            self._answer(502, {"Retry-After": "5"})
            return
        if found is not None:
            self._send(*found)
        elif path is not None:
            self._pass_on(path)

    def _permitted_path(self) -> str | None:
        """Return the path whose copy is served; ``None``: the caller may not have it, and has been told so."""
        if self.path.startswith("/t/"):
            found = _PLAYBACK.match(self.path)
            if not found:
                self._answer(403, {})
                return None
            question = f"/edge/tokens/{found[1]}/{found[3]}/{found[4]}"
            answer = self.pop.shelf.get(question)
            if answer is None or answer.fresh_until <= self.pop.shelf.clock():
                answer = self.pop.origin.fetch(question).copy
            if answer.status != 204:
                self._answer(503 if answer.status >= 500 else 403, {})
                return None
            return found[2]
        if self.path.startswith("/v/") and not self._is_control:
            self._answer(403, {})
            return None
        return self.path

    def _find(self, path: str) -> tuple[Stored, str, str] | None:
        """Return what is served, its ``Cache-Status`` and its ``X-Cache``; ``None``: it is too large to be kept."""
        copy = self.pop.shelf.get(path)
        if copy is not None and copy.fresh_until > self.pop.shelf.clock():
            return copy, f"hit; ttl={int(copy.fresh_until - self.pop.shelf.clock())}", "HIT"
        if copy is not None and copy.status == 200:
            self.pop.origin.refresh(path, copy)
            return copy, "hit; ttl=-1; detail=stale", "STALE"
        try:
            fetched = self.pop.origin.fetch(path)
        except TooLargeError:
            return None
        return fetched.copy, "fwd=miss; stored" if fetched.is_stored else "fwd=miss", "MISS"

    def _send(self, copy: Stored, status: str, handling: str) -> None:
        headers = dict(copy.headers) | {
            "Cache-Status": self._status(status),
            "X-Cache": handling,
            "Age": str(max(0, int(self.pop.shelf.clock() - copy.stored_at))),
        }
        code, body = copy.status, copy.body
        if code == 200:
            headers["Accept-Ranges"] = "bytes"
            code, body = self._part(copy, headers)
        self._answer(code, headers, body)
        if not self._is_control:
            self.pop.count(is_hit=handling != "MISS", sent_bytes=len(body) if self.command != "HEAD" else 0)

    def _part(self, copy: Stored, headers: dict[str, str]) -> tuple[int, bytes]:
        """Return what of a whole copy the request asks for."""
        etag = copy.header("etag")
        known = [word.strip() for word in (self.headers.get("If-None-Match") or "").split(",")]
        if etag and ("*" in known or etag in known):
            return 304, b""
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        if asked is None or self.command == "HEAD" or (condition is not None and condition != etag):
            return 200, copy.body
        try:
            part = parse_range(asked, len(copy.body))
        except UnsatisfiableRangeError:
            headers["Content-Range"] = f"bytes */{len(copy.body)}"
            return 416, b""
        if part is None:
            return 200, copy.body
        headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{len(copy.body)}"
        return 206, copy.body[part.start : part.stop]

    def _pass_on(self, path: str) -> None:
        origin = urlsplit(self.pop.settings.origin)
        connection = http.client.HTTPConnection(origin.hostname or "", origin.port or 80, timeout=TIMEOUT_S)
        self.close_connection = True
        sent_bytes = 0
        try:
            connection.request(self.command, path, headers={"Accept-Encoding": "identity"})
            answer = connection.getresponse()
            headers = {name: value for name in _PASSED_ON if (value := answer.getheader(name))}
            self._start(answer.status, headers | {"Cache-Status": self._status("fwd=miss"), "X-Cache": "MISS"})
            while chunk := answer.read(_CHUNK_BYTES):
                self.wfile.write(chunk)
                sent_bytes += len(chunk)
        except (http.client.HTTPException, OSError):
            return  # Whoever waits sees that the connection ends before the body does.
        finally:
            connection.close()
        if not self._is_control:
            self.pop.count(is_hit=False, sent_bytes=sent_bytes)

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        has_length = status not in (204, 304)
        self._start(status, headers | ({"Content-Length": str(len(body))} if has_length else {}))
        if self.command == "HEAD":
            return
        # Piece by piece: the time that a viewer has is that for one of them.
        whole = memoryview(body)
        for first in range(0, len(body), _CHUNK_BYTES):
            self.wfile.write(whole[first : first + _CHUNK_BYTES])

    def _start(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.send_header("Access-Control-Allow-Origin", "*")
        self.send_header("Access-Control-Expose-Headers", "Content-Length, Content-Range, ETag, Age, Cache-Status")
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()

    def _status(self, parameters: str) -> str:
        return f'"{self.pop.settings.name}"; {parameters}'
