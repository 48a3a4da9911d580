"""Drive a POP over HTTP: Varnish, nginx with its agent, and the embedded one alike.

Only the POP's own address is ever asked: paths are checked, redirects are not followed, proxies and ``.netrc`` of the
environment are not looked at, and a name that leads where no POP may be is not believed.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import urlsplit

import requests

from adapters.edge.peers import PeerCheckingAdapter
from domain.cache_refreshes.edge import Copy, EdgeError, EdgeRefusedError, PopStats, Selection

CONNECT_TIMEOUT_S = 3.0
# Between two reads. A POP may wait for its origin.
READ_TIMEOUT_S = 20.0
# For a whole object.
TRANSFER_TIMEOUT_S = 600.0
MAX_OBJECT_BYTES = 8 * 2**30
MAX_STATS_BYTES = 64 * 1024
MAX_PATH_CHARACTERS = 2000
# Varnish's headers have bounds.
TAGS_PER_PURGE = 64
# Fetching threads of one driver keep a connection each.
CONNECTIONS = 32
_CHUNK_BYTES = 1 << 18
_PATH = re.compile(r"/(?!/)[A-Za-z0-9\-._~!$&'()*+,;=:@%/]*(\?[A-Za-z0-9\-._~!$&'()*+,;=:@%/?]*)?")
# POPs refuse both: climbing, and letters, digits or slashes in disguise.
_CLIMBS = re.compile(r"(/|%2f|%5c)(\.|%2e){2}(/|%2f|%5c|\?|$)", re.IGNORECASE)
_DISGUISED = re.compile(r"[^?]*%(2f|3[0-9]|4[1-9a-f]|5[0-9a]|6[1-9a-f]|7[0-9a])", re.IGNORECASE)
_TAG = re.compile(r"[!-+\--~]{1,128}")
_PREFIX = re.compile(r"/([^/?]+/){0,8}")


class HttpPopDriver:
    """The ``PopDriver`` of the POP at ``url`` (``http://host:port``) whose key is ``key``.

    The caller must be in the POP's control network. ``close`` gives the connections back.
    """

    def __init__(self, url: str, key: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.path.strip("/") or parts.query:
            raise ValueError(f"a POP's address is like http://host:port, not {url!r}")
        self._url = url.rstrip("/")
        self._key = key
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        connections = PeerCheckingAdapter(pool_connections=1, pool_maxsize=CONNECTIONS)
        self._session.mount("http://", connections)
        self._session.mount("https://", connections)

    def purge(self, selection: Selection, *, is_soft: bool) -> int:
        """Make copies stale, or drop them; return their number. A prefix is a folder: it begins and ends with ``/``.

        Raises:
            EdgeError, EdgeRefusedError: see there; some may have been purged then.
        """
        mode = {"X-Soft-Purge": "1"} if is_soft else {}
        count = sum(self._purge(_checked(path), mode) for path in selection.paths)
        tags = [_checked_tag(tag) for tag in selection.tags]
        for first in range(0, len(tags), TAGS_PER_PURGE):
            count += self._purge("/", {**mode, "Surrogate-Key": " ".join(tags[first : first + TAGS_PER_PURGE])})
        if selection.prefix is not None:
            count += self._purge("/", {**mode, "X-Purge-Prefix": _checked_prefix(selection.prefix)})
        return count

    def fetch(self, path: str) -> Copy | None:
        """Get ``path`` to the end; ``None``: the origin has none.

        Raises:
            EdgeError: also when the POP says that it did not keep it.
            EdgeRefusedError: see there.
        """
        with self._ask("GET", _checked(path), {}) as answer:
            if answer.status_code in (404, 410):
                return None
            if answer.status_code != 200:
                raise self._nonsense(answer)
            size_bytes = sum(map(len, _chunks(answer, MAX_OBJECT_BYTES)))
            status = answer.headers.get("Cache-Status", "")
            if not re.search(r";\s*(hit|stored)\b", status):
                raise EdgeError(f"the POP did not keep {path}: {status or 'it says nothing of its cache'}")
            return Copy(answer.headers.get("ETag", ""), size_bytes, _is_fresh(status))

    def probe(self, path: str) -> Copy | None:
        """Return the copy that the POP holds; the origin is not asked.

        Raises:
            EdgeError, EdgeRefusedError: see there.
        """
        with self._ask("HEAD", _checked(path), {"Cache-Control": "only-if-cached"}) as answer:
            if answer.status_code == 504:
                return None
            length = answer.headers.get("X-Pop-Length", "")
            if answer.status_code != 200 or not length.isdigit():
                raise self._nonsense(answer)
            return Copy(
                answer.headers.get("ETag", ""), int(length), _is_fresh(answer.headers.get("Cache-Status", ""))
            )

    def stats(self) -> PopStats:
        """Return the counters.

        Raises:
            EdgeError, EdgeRefusedError: see there.
        """
        with self._ask("GET", "/_pop/stats", {}) as answer:
            if answer.status_code != 200:
                raise self._nonsense(answer)
            content = b"".join(_chunks(answer, MAX_STATS_BYTES))
        try:
            told = json.loads(content)
            return PopStats(**{name: int(told[name]) for name in PopStats.__dataclass_fields__})
        except (ValueError, TypeError, KeyError) as error:
            raise EdgeError(f"the statistics of {self._url} are not readable: {error}") from error

    def close(self) -> None:
        """Close the connections; idempotent."""
        self._session.close()

    def _purge(self, path: str, headers: Mapping[str, str]) -> int:
        with self._ask("PURGE", path, headers) as answer:
            count = answer.headers.get("X-Purged", "")
            if answer.status_code != 200 or not count.isdigit():
                raise self._nonsense(answer)
            return int(count)

    @contextmanager
    def _ask(self, method: str, path: str, headers: Mapping[str, str]) -> Iterator[requests.Response]:
        # Compressed, a body would come under another ETag.
        sent = {"X-Pop-Key": self._key, "Accept-Encoding": "identity", **headers}
        try:
            with self._session.request(
                method, self._url + path, headers=sent, stream=True, allow_redirects=False,
                timeout=(CONNECT_TIMEOUT_S, READ_TIMEOUT_S),
            ) as answer:  # fmt: skip
                if answer.status_code in (401, 403):
                    raise EdgeRefusedError(f"{self._url} refuses the key, or this network")
                if method != "GET":
                    # A connection whose answer is not read is not used again.
                    b"".join(_chunks(answer, MAX_STATS_BYTES))
                yield answer
        except (requests.RequestException, OSError) as error:
            raise EdgeError(f"{method} {self._url}{path}: {_reason(error)}") from error

    def _nonsense(self, answer: requests.Response) -> EdgeError:
        return EdgeError(f"{answer.request.method} {answer.url} was answered {answer.status_code}")


def _reason(error: BaseException) -> str:
    """Return what is at the bottom of an error; above it stand objects of the libraries that carried it up."""
    while inner := _inner(error):
        error = inner
    told = error.strerror if isinstance(error, OSError) else None
    return told or str(error) or type(error).__name__


def _inner(error: BaseException) -> BaseException | None:
    found = (error.__cause__, getattr(error, "reason", None), *error.args)
    return next((each for each in found if isinstance(each, BaseException)), None)


def _chunks(answer: requests.Response, max_bytes: int) -> Iterator[bytes]:
    end_at = time.monotonic() + TRANSFER_TIMEOUT_S
    size_bytes = 0
    for chunk in answer.iter_content(_CHUNK_BYTES):
        size_bytes += len(chunk)
        if size_bytes > max_bytes or time.monotonic() > end_at:
            raise EdgeError(
                f"{answer.url} is larger than {max_bytes} bytes, or slower than {TRANSFER_TIMEOUT_S:.0f} s"
            )
        yield chunk


def _is_fresh(cache_status: str) -> bool:
    return re.search(r"ttl=(-|0\b)|detail=stale", cache_status) is None


def _checked(path: str) -> str:
    is_plain = _PATH.fullmatch(path) and not _CLIMBS.search(path) and not _DISGUISED.match(path)
    if len(path) > MAX_PATH_CHARACTERS or not is_plain:
        raise EdgeRefusedError(f"not a path that a POP is asked for: {path[:100]!r}")
    return path


def _checked_prefix(prefix: str) -> str:
    if not _PREFIX.fullmatch(_checked(prefix)):
        raise EdgeRefusedError(f"a prefix begins and ends with / and has eight folders at most, not {prefix[:100]!r}")
    return prefix


def _checked_tag(tag: str) -> str:
    if not _TAG.fullmatch(tag):
        raise EdgeRefusedError(f"not a tag: {tag[:100]!r}")
    return tag
