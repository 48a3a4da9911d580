"""The process beside nginx or Varnish that does what the server itself cannot.

Beside nginx: purge, probe and statistics, on the cache folder; and it says when the disk is full. Beside Varnish: the
statistics. It listens on loopback only. Viewers never reach it: the server passes on what comes from the control
network with the POP's key, and the agent looks at the key again.
"""

from __future__ import annotations

import hmac
import json
import logging
import shutil
import subprocess
import threading
import time
from collections.abc import Callable
from dataclasses import asdict
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from cli.pop.counting import Tally, follow_file, follow_varnish
from cli.pop.nginx_cache import CachedFile, CacheFormatError, NginxCache
from config.settings import PopSettings
from domain.cache_refreshes.edge import PopStats

STATS_PATH = "/_pop/stats"
# Less than this, or than a twentieth of the disk, counts as full: room for the answers that are being written.
RESERVE_BYTES = 64 * 2**20
LOOK_EVERY_S = 1.0
_HOST = "127.0.0.1"

log = logging.getLogger(__name__)


class DiskGuard:
    """Makes the file that tells nginx to write no more copies, while the disk is full, and removes it afterwards."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._mark = folder / "disk_is_full"

    def look(self) -> None:
        """Look once."""
        usage = shutil.disk_usage(self._folder)
        if usage.free < min(RESERVE_BYTES, usage.total // 20):
            self._mark.touch()
        else:
            self._mark.unlink(missing_ok=True)


class Rounds:
    """What is looked at again and again; what fails for a while is logged once, and tried again."""

    def __init__(self, *looks: Callable[[], None]) -> None:
        self._looks = looks
        self._is_failing = False

    def look(self) -> None:
        """Look at everything once."""
        error = None
        for look in self._looks:
            try:
                look()
            except OSError as found:
                error = found
        if error is not None and not self._is_failing:
            log.warning("the disk or nginx's log cannot be looked at; tried again every second: %s", error)
        self._is_failing = error is not None


def serve_nginx_agent(settings: PopSettings) -> None:
    """Serve until the process is ended."""
    tally, guard = Tally(), DiskGuard(settings.folder)
    catch_up = follow_file(settings.folder / "requests.log", tally)
    cache = NginxCache(settings.folder / "cache")

    def stats() -> PopStats:
        catch_up()
        objects, stored = cache.size()
        return PopStats(tally.hits, tally.misses, tally.sent_bytes, objects, stored)

    def look() -> None:
        while True:
            rounds.look()
            time.sleep(LOOK_EVERY_S)

    guard.look()
    rounds = Rounds(guard.look, catch_up)
    threading.Thread(target=look, daemon=True).start()
    with _server(settings, stats, cache) as server:
        server.serve_forever()


def serve_varnish_agent(settings: PopSettings) -> None:
    """Serve until the process is ended.

    Raises:
        SystemExit: ``varnishncsa`` has ended.
    """
    tally = Tally()
    counting = follow_varnish(settings.folder, tally)

    def stats() -> PopStats:
        counters = _varnish_counters(settings.folder)
        stored = sum(
            value for name, value in counters.items() if name.startswith("SMA.") and name.endswith(".g_bytes")
        )
        return PopStats(tally.hits, tally.misses, tally.sent_bytes, counters.get("MAIN.n_object", 0), stored)

    with _server(settings, stats, None) as server:

        def end_with_it() -> None:
            # Viewers would not be counted any more; whoever looks after the agent starts both again.
            counting.wait()
            server.shutdown()

        threading.Thread(target=end_with_it, daemon=True).start()
        try:
            server.serve_forever()
        finally:
            counting.terminate()
    raise SystemExit("varnishncsa has ended")


def _varnish_counters(folder: Path) -> dict[str, int]:
    answer = subprocess.run(["varnishstat", "-n", str(folder), "-j"], capture_output=True, check=True, timeout=5)
    return {name: int(counter["value"]) for name, counter in json.loads(answer.stdout)["counters"].items()}


def _server(settings: PopSettings, stats: Callable[[], PopStats], cache: NginxCache | None) -> ThreadingHTTPServer:
    class Handler(_Handler):
        name = settings.name
        key = settings.key

    Handler.stats = staticmethod(stats)
    Handler.cache = cache
    return ThreadingHTTPServer((_HOST, settings.agent_port), Handler)


class _Handler(BaseHTTPRequestHandler):
    name: str
    key: str
    cache: NginxCache | None
    stats: Callable[[], PopStats]
    protocol_version = "HTTP/1.1"
    timeout = 30
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        """Answer the statistics; what else is asked, as HEAD."""
        if self._is_refused():
            return
        if self.path == STATS_PATH:
            body = json.dumps(asdict(type(self).stats())).encode()
            self._answer(200, {"Content-Type": "application/json"}, body)
        else:
            self._probe()

    def do_HEAD(self) -> None:
        """Answer whether there is a copy, and which."""
        if not self._is_refused():
            self._probe()

    def do_PURGE(self) -> None:
        """Drop copies, or make them stale."""
        if self._is_refused():
            return
        if self.cache is None:
            self._answer(405, {})  # Varnish purges by itself.
            return
        try:
            self._answer(200, {"X-Purged": str(self._purge(self.cache))})
        except CacheFormatError as error:
            self._answer(500, {}, f"{error}\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the library's name
        """Keep still: the server before this one logs."""

    def _is_refused(self) -> bool:
        if hmac.compare_digest((self.headers.get("X-Pop-Key") or "").encode(), self.key.encode()):
            return False
        self.close_connection = True
        self._answer(403, {})
        return True

    def _purge(self, cache: NginxCache) -> int:
        act = cache.expire if self.headers.get("X-Soft-Purge") else cache.drop
        return sum(act(copy) for copy in self._chosen(cache))

    def _chosen(self, cache: NginxCache) -> list[CachedFile]:
        tags = frozenset((self.headers.get("Surrogate-Key") or "").split())
        prefix = self.headers.get("X-Purge-Prefix")
        if tags or prefix is not None:
            return list(cache.select(tags, prefix))
        found = cache.find(self.path)
        return [found] if found else []

    def _probe(self) -> None:
        try:
            copy = self.cache.find(self.path) if self.cache else None
        except CacheFormatError as error:
            self._answer(500, {}, f"{error}\n".encode())
            return
        if copy is None or copy.status != 200:
            self._answer(504, {})
            return
        ttl = copy.valid_until - int(time.time())
        self._answer(200, {"ETag": copy.headers.get("etag", ""), "X-Pop-Length": str(copy.body_bytes),
                           "Cache-Status": f'"{self.name}"; hit; ttl={ttl}'})  # fmt: skip

    def _answer(self, status: int, headers: dict[str, str], body: bytes = b"") -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
