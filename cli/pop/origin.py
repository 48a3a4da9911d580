"""How the embedded POP gets what it lacks: one request to the origin for any number of viewers who wait for it."""

from __future__ import annotations

import http.client
import re
import threading
from concurrent.futures import Future
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from cli.pop.shelf import Shelf, Stored

TIMEOUT_S = 15.0
MISSING_S = 5.0
DEFAULT_S = 60.0
_CHUNK_BYTES = 1 << 20
_DROPPED = frozenset({
    "connection", "keep-alive", "transfer-encoding", "content-length", "set-cookie", "surrogate-key",
    "cdn-cache-control", "server", "date", "age", "access-control-allow-origin", "access-control-expose-headers",
})  # fmt: skip


class TooLargeError(Exception):
    """The object is larger than all room of the POP."""


@dataclass(frozen=True, slots=True)
class Fetched:
    """What the origin answered, and whether the POP keeps it."""

    copy: Stored
    is_stored: bool


class Origin:
    """The server at ``url`` (``http://host:port``), and the shelf that its answers go to."""

    def __init__(self, url: str, shelf: Shelf) -> None:
        parts = urlsplit(url)
        self._host, self._port = parts.hostname or "", parts.port or 80
        self._shelf = shelf
        self._under_way: dict[str, Future[Fetched]] = {}
        self._lock = threading.Lock()

    def fetch(self, path: str, stale: Stored | None = None) -> Fetched:
        """Return the origin's answer; who asks for a path that is being fetched gets the same one.

        Raises:
            OSError, http.client.HTTPException: it does not answer, or not to the end.
            TooLargeError: as above.
        """
        future, is_first = self._join(path)
        if is_first:
            self._run(path, stale, future)
        return future.result()

    def refresh(self, path: str, stale: Stored) -> None:
        """Fetch in the background, unless somebody does already; a failure leaves the stale copy."""
        future, is_first = self._join(path)
        if is_first:
            threading.Thread(target=self._run, args=(path, stale, future), daemon=True).start()

    def _join(self, path: str) -> tuple[Future[Fetched], bool]:
        with self._lock:
            if path in self._under_way:
                return self._under_way[path], False
            future = self._under_way[path] = Future()
            return future, True

    def _run(self, path: str, stale: Stored | None, future: Future[Fetched]) -> None:
        try:
            result = self._fetch(path, stale)
        except (OSError, http.client.HTTPException, TooLargeError) as error:
            self._end(path)
            future.set_exception(error)
        else:
            self._end(path)
            future.set_result(result)

    def _end(self, path: str) -> None:
        # Before the result is known to those who wait: whoever comes later finds the shelf filled.
        with self._lock:
            del self._under_way[path]

    def _fetch(self, path: str, stale: Stored | None) -> Fetched:
        purges = self._shelf.purges
        headers = {"Accept-Encoding": "identity", "User-Agent": "yardmaster-pop"}
        if stale is not None and stale.header("etag"):
            headers["If-None-Match"] = stale.header("etag")
        connection = http.client.HTTPConnection(self._host, self._port, timeout=TIMEOUT_S)
        try:
            connection.request("GET", path, headers=headers)
            answer = connection.getresponse()
            copy = self._read(path, answer, stale)
        finally:
            connection.close()
        is_stored = copy.fresh_until > copy.stored_at and self._shelf.put(path, copy, purges)
        return Fetched(copy, is_stored)

    def _read(self, path: str, answer: http.client.HTTPResponse, stale: Stored | None) -> Stored:
        now = self._shelf.clock()
        life_s = _life_s(path, answer)
        if answer.status == http.client.NOT_MODIFIED and stale is not None:
            return replace(stale, stored_at=now, fresh_until=now + life_s)
        body = self._body(answer)
        headers = tuple((name, value) for name, value in answer.getheaders() if name.lower() not in _DROPPED)
        tags = frozenset((answer.getheader("Surrogate-Key") or "").split())
        return Stored(answer.status, headers, body, tags, now, now + life_s)

    def _body(self, answer: http.client.HTTPResponse) -> bytes:
        if (answer.length or 0) > self._shelf.capacity_bytes:
            raise TooLargeError
        body = bytearray()
        while chunk := answer.read(_CHUNK_BYTES):
            body += chunk
            if len(body) > self._shelf.capacity_bytes:
                raise TooLargeError
        if answer.length:
            # read(n) returns what came before a broken end as if it were all.
            raise http.client.IncompleteRead(bytes(0), answer.length)
        return bytes(body)


def _life_s(path: str, answer: http.client.HTTPResponse) -> float:
    if path.startswith("/edge/tokens/"):
        return _told_s(answer) if answer.status == 204 else MISSING_S * (answer.status < 500)
    if answer.status in (404, 410):
        return MISSING_S
    return _told_s(answer) if answer.status in (200, 301, 308, 304) else 0.0


def _told_s(answer: http.client.HTTPResponse) -> float:
    told = (answer.getheader("CDN-Cache-Control") or answer.getheader("Cache-Control") or "").lower()
    if re.search("no-store|private|no-cache", told):
        return 0.0
    found = re.search(r"s-maxage=(\d+)", told) or re.search(r"max-age=(\d+)", told)
    return float(found[1]) if found else DEFAULT_S
