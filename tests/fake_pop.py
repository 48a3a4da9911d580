"""A stand-in for a POP and its origin, for tests of what is done with POPs."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from domain.cache_refreshes.edge import Copy, EdgeError, EdgeRefusedError, PopStats, Selection


@dataclass
class FakeOrigin:
    """Objects by path: ETag and size. ``tags`` are the words of each path's ``Surrogate-Key``."""

    objects: dict[str, tuple[str, int]] = field(default_factory=dict)
    tags: dict[str, tuple[str, ...]] = field(default_factory=dict)
    fetched: list[str] = field(default_factory=list)
    is_down: bool = False

    def put(self, path: str, etag: str = '"1"', size_bytes: int = 10, tags: tuple[str, ...] = ()) -> None:
        self.objects[path] = (etag, size_bytes)
        self.tags[path] = tags


class FakePop:
    """Holds copies of an origin's objects. After a soft purge the stale copy is given once, and a new one fetched.

    ``is_away`` and ``is_locked`` make every call fail as a POP does that is down, or has another key. ``on_call`` is
    called before each one with its name.
    """

    def __init__(self, origin: FakeOrigin) -> None:
        self.origin = origin
        self.copies: dict[str, Copy] = {}
        self.is_away = False
        self.is_locked = False
        self.calls: list[tuple[str, object]] = []
        self.unkept: set[str] = set()
        self.on_call: Callable[[str], None] = lambda name: None
        self._hits = self._misses = self._sent_bytes = 0
        self._lock = threading.Lock()

    def restart(self) -> None:
        self.copies.clear()
        self._hits = self._misses = self._sent_bytes = 0

    def named(self, name: str) -> list[object]:
        """What the calls called ``name`` were about."""
        return [about for called, about in self.calls if called == name]

    def purge(self, selection: Selection, *, is_soft: bool) -> int:
        self._enter("purge", selection)
        paths = [path for path in self.copies if self._is_selected(path, selection)]
        for path in paths:
            copy = self.copies.pop(path)
            if is_soft:
                self.copies[path] = Copy(copy.etag, copy.size_bytes, is_fresh=False)
        return len(paths)

    def fetch(self, path: str) -> Copy | None:
        self._enter("fetch", path)
        held = self.copies.get(path)
        if held is not None and held.is_fresh:
            self._hits += 1
            return held
        fetched = self._from_origin(path)
        if held is not None:
            self._hits += 1
            return held
        self._misses += 1
        return fetched

    def probe(self, path: str) -> Copy | None:
        self._enter("probe", path)
        return self.copies.get(path)

    def stats(self) -> PopStats:
        self._enter("stats", None)
        stored = sum(copy.size_bytes for copy in self.copies.values())
        return PopStats(self._hits, self._misses, self._sent_bytes, len(self.copies), stored)

    def _enter(self, name: str, about: object) -> None:
        with self._lock:
            self.calls.append((name, about))
        self.on_call(name)
        if self.is_away:
            raise EdgeError("connection refused")
        if self.is_locked:
            raise EdgeRefusedError("the POP refuses its key")

    def _from_origin(self, path: str) -> Copy | None:
        if self.origin.is_down:
            if path in self.copies:
                return None
            raise EdgeError("the POP answered 503")
        with self._lock:
            self.origin.fetched.append(path)
        if path not in self.origin.objects:
            self.copies.pop(path, None)
            return None
        if path in self.unkept:
            raise EdgeError(f"the POP did not keep {path}")
        self.copies[path] = Copy(*self.origin.objects[path], is_fresh=True)
        return self.copies[path]

    def _is_selected(self, path: str, selection: Selection) -> bool:
        if selection.prefix is not None:
            return path.startswith(selection.prefix)
        return path in selection.paths or bool({*selection.tags} & {*self.origin.tags.get(path, ())})
