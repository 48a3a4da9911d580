"""The copies of the embedded POP: in memory, by name and tag, the longest unused given up first."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

# How long beyond its life a copy may be served while it is fetched anew, or while the origin is away.
STALE_S = 86_400.0


@dataclass(frozen=True, slots=True)
class Stored:
    """A copy. ``stored_at`` and ``fresh_until`` are Unix seconds."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes
    tags: frozenset[str]
    stored_at: float
    fresh_until: float

    def header(self, name: str) -> str:
        """Return a header's value; empty when it is missing."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Shelf:
    """Copies up to ``capacity_bytes`` of bodies. Safe for threads."""

    def __init__(self, capacity_bytes: int, clock: Callable[[], float] = time.time) -> None:
        self.capacity_bytes = capacity_bytes
        self.clock = clock
        self._copies: OrderedDict[str, Stored] = OrderedDict()
        self._bytes = 0
        self._purges = 0
        self._lock = threading.Lock()

    @property
    def purges(self) -> int:
        """How many purges there were: what began before one may bring what it should have removed."""
        return self._purges

    def get(self, path: str) -> Stored | None:
        """Return the copy of ``path``, fresh or stale, and count it as used."""
        with self._lock:
            copy = self._copies.get(path)
            if copy is None:
                return None
            if copy.fresh_until + STALE_S < self.clock():
                self._remove(path)
                return None
            self._copies.move_to_end(path)
            return copy

    def put(self, path: str, copy: Stored, purges: int) -> bool:
        """Keep a copy in place of an earlier one; tell whether it was kept.

        It is not when it is larger than all room, or was fetched (``purges`` then) before the last purge.
        """
        with self._lock:
            if purges != self._purges or len(copy.body) > self.capacity_bytes:
                return False
            self._remove(path)
            self._copies[path] = copy
            self._bytes += len(copy.body)
            while self._bytes > self.capacity_bytes:
                self._remove(next(iter(self._copies)))
            return True

    def purge(self, is_chosen: Callable[[str, Stored], bool], *, is_soft: bool) -> int:
        """Drop the chosen copies, or make them stale; return their number."""
        now = self.clock()
        with self._lock:
            self._purges += 1
            chosen = [path for path, copy in self._copies.items() if is_chosen(path, copy)]
            for path in chosen:
                if is_soft:
                    self._copies[path] = replace(
                        self._copies[path], fresh_until=min(now, self._copies[path].fresh_until)
                    )
                else:
                    self._remove(path)
            return len(chosen)

    def size(self) -> tuple[int, int]:
        """Return the number of copies and their bytes."""
        with self._lock:
            return len(self._copies), self._bytes

    def _remove(self, path: str) -> None:
        copy = self._copies.pop(path, None)
        if copy is not None:
            self._bytes -= len(copy.body)
