"""What may be asked for: a refresh of what POPs hold, checked before anything is written."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from domain.cache_refreshes.edge import Selection

MAX_ENTRIES = 100
"""How many URLs or tags one request may name, as with Cloudflare's purges."""
MAX_PATH_LENGTH = 2000
MAX_TAG_LENGTH = 128
SETS = ("questions", "titles")

_TAG = re.compile(rf"[A-Za-z0-9_][A-Za-z0-9_:./-]{{0,{MAX_TAG_LENGTH - 1}}}")
_PATH = re.compile(r"/[!$%&'()*+,./:;=?@A-Za-z0-9_~-]*")
_PREFIX = re.compile(r"/([^/?]+/){0,8}")
_VIDEO_FOLDER = re.compile(r"/v/([^/]+)/")
_VIDEO_TAG = re.compile(r"video:(.+)")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})|%(?:[01][0-9A-Fa-f]|7[fF])")


class InvalidRefreshError(ValueError):
    """A refresh that cannot be; ``path`` leads to the wrong field of the request."""

    def __init__(self, path: tuple[str | int, ...], message: str) -> None:
        super().__init__(message)
        self.path = path
        self.message = message


class Mode(StrEnum):
    """What is done: make stale and fetch again; drop what must not be seen any more; or only fetch what lacks."""

    SOFT = "soft"
    HARD = "hard"
    FILL = "fill"


class TargetState(StrEnum):
    """How far a refresh is on one POP. ``deferred``: the POP was away, and is gone back to when it answers."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    DEFERRED = "deferred"
    FAILED = "failed"

    @property
    def is_open(self) -> bool:
        """Tell whether something is still going to happen."""
        return self in OPEN_STATES


OPEN_STATES = frozenset({TargetState.QUEUED, TargetState.RUNNING, TargetState.DEFERRED})


@dataclass(frozen=True, slots=True)
class Scope:
    """What a refresh is about, by exactly one of the fields.

    ``lacking`` is of fills that nobody asks for in words: ``all`` that a POP should hold and lacks, or only what it
    has ``lost``, which is what it held before.
    """

    paths: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    prefix: str | None = None
    set: str | None = None
    lacking: str | None = None

    @property
    def selection(self) -> Selection:
        """Return what POPs are told to purge; a set is known to them by its tag."""
        tags = (self.set,) if self.set is not None else self.tags
        return Selection(self.paths, tags, self.prefix)

    @property
    def video(self) -> str | None:
        """Return the one video that all of this is about; ``None``: it may be about anything."""
        if self.prefix is not None:
            found = _VIDEO_FOLDER.match(self.prefix)
        else:
            found = _VIDEO_TAG.fullmatch(self.tags[0]) if len(self.tags) == 1 else None
        return found and found[1]

    def covers(self, path: str) -> bool:
        """Tell whether the object at ``path`` is meant, as far as a path tells."""
        if self.prefix is not None:
            return path.startswith(self.prefix)
        return path in self.paths or any(_has_tag(path, tag) for tag in self.selection.tags)

    def to_json(self) -> dict[str, object]:
        """Return the form in which it is stored and shown."""
        if self.lacking is not None:
            return {"lacking": self.lacking}
        if self.prefix is not None:
            return {"prefix": self.prefix}
        if self.set is not None:
            return {"set": self.set}
        return {"tags": list(self.tags)} if self.tags else {"urls": list(self.paths)}


@dataclass(frozen=True, slots=True)
class NewRefresh:
    """A refresh to be. ``is_now``: a fill does not wait for the POPs' windows."""

    by: str
    reason: str
    mode: Mode
    scope: Scope
    is_now: bool = False


def scope_from_json(stored: Mapping[str, object]) -> Scope:
    """Return what ``Scope.to_json`` was made of."""
    if "lacking" in stored:
        return Scope(lacking=str(stored["lacking"]))
    if "prefix" in stored:
        return Scope(prefix=str(stored["prefix"]))
    if "set" in stored:
        return Scope(set=str(stored["set"]))
    return Scope(paths=_words(stored.get("urls")), tags=_words(stored.get("tags")))


def parse_scope(request: Mapping[str, object], own_addresses: Iterable[str]) -> Scope:
    """Return what a request is about; ``own_addresses`` are those of POPs and of the site, whose URLs are understood.

    Only the path of a URL is used, at our own POPs, so no request leads us to a server of its choice.

    Raises:
        InvalidRefreshError: there is none, or more than one, of ``urls``, ``tags``, ``prefix`` and ``set``; or it is
            wrong.
    """
    named = [name for name in ("urls", "tags", "prefix", "set") if request.get(name) is not None]
    if len(named) != 1:
        what = "send one of urls, tags, prefix and set"
        raise InvalidRefreshError((named[1] if named else "urls",), f"is one too many; {what}" if named else what)
    value = request[named[0]]
    match named[0]:
        case "urls":
            origins = {_origin(address) for address in own_addresses}
            return Scope(paths=_each("urls", value, lambda url: _path_of(url, origins)))
        case "tags":
            return Scope(tags=_each("tags", value, _checked_tag))
        case "prefix":
            return Scope(prefix=_checked(("prefix",), str(value), _checked_prefix))
    if value not in SETS:
        raise InvalidRefreshError(("set",), f"must be one of {', '.join(SETS)}")
    return Scope(set=str(value))


def check_path(text: str) -> str:
    """Return ``text`` if it is a path, with a query or without one, that an origin could serve.

    Raises:
        ValueError: it is none, or would lead out of where it seems to lead.
    """
    if len(text) > MAX_PATH_LENGTH:
        raise ValueError(f"must have at most {MAX_PATH_LENGTH} characters")
    path = text.partition("?")[0]
    if not _PATH.fullmatch(text) or _BAD_ESCAPE.search(text) or path.startswith("//"):
        raise ValueError("must be a path like /v1/questions")
    decoded = unquote(unquote(path)).replace("\\", "/")
    if any(step in (".", "..") for step in decoded.split("/")):
        raise ValueError("must not contain '.' or '..' as a step")
    return text


def _each(name: str, value: object, check: Callable[[str], str]) -> tuple[str, ...]:
    if not isinstance(value, Sequence) or isinstance(value, str) or not 1 <= len(value) <= MAX_ENTRIES:
        raise InvalidRefreshError((name,), f"must be 1 to {MAX_ENTRIES} entries")
    return tuple(dict.fromkeys(_checked((name, place), str(entry), check) for place, entry in enumerate(value)))


def _checked(path: tuple[str | int, ...], text: str, check: Callable[[str], str]) -> str:
    try:
        return check(text)
    except ValueError as error:
        raise InvalidRefreshError(path, str(error)) from error


def _checked_tag(text: str) -> str:
    if not _TAG.fullmatch(text):
        raise ValueError(
            f"must be 1 to {MAX_TAG_LENGTH} letters, digits and _ : . / - that begin with one of the first"
        )
    return text


def _checked_prefix(text: str) -> str:
    if not _PREFIX.fullmatch(check_path(text)):
        raise ValueError("must be a folder like /v/42/, at most eight deep")
    return text


def _path_of(url: str, origins: set[str | None]) -> str:
    if url.startswith("/"):
        return check_path(url)
    origin = _origin(url)
    if origin is None or origin not in origins:
        raise ValueError("must be a path, or the URL of one of our POPs")
    parts = urlsplit(url)
    return check_path((parts.path or "/") + (f"?{parts.query}" if parts.query else ""))


def _origin(url: str) -> str | None:
    """Return scheme, host and port of a plain URL."""
    try:
        parts = urlsplit(url)
        port = parts.port or {"http": 80, "https": 443}.get(parts.scheme)
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not parts.hostname or "@" in parts.netloc or "\\" in url:
        return None
    return f"{parts.scheme}://{parts.hostname}:{port}"


def _has_tag(path: str, tag: str) -> bool:
    """Tell whether the origin's answer at ``path`` bears ``tag``; ``docs/cache_refreshes.md`` has the rule."""
    plain = path.partition("?")[0]
    word, _, identity = tag.partition(":")
    if word in SETS:
        whole = f"/v1/{word}"
        return plain == f"{whole}/{identity}" if identity else plain == whole or plain.startswith(f"{whole}/")
    return word == "video" and bool(identity) and plain.startswith(f"/v/{identity}/")


def _words(value: object) -> tuple[str, ...]:
    return tuple(str(word) for word in value) if isinstance(value, list) else ()
