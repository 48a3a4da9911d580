"""What was true a moment ago, so that asking again and again costs the database one look-up in half a minute.

Whatever changes it is notified and heard of by every process; ``TTL_S`` bounds how long an entry lives on when the
notification cannot arrive because the database is away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

TTL_S = 30.0


class TtlCache(Generic[K, V]):
    """Remembers what ``find`` said about a key. What is not there is not remembered: anybody can make up keys."""

    def __init__(self, max_entries: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._max_entries = max_entries
        self._clock = clock
        self._lock = threading.Lock()
        self._generation = 0
        self._entries: dict[K, tuple[V, float]] = {}

    def get(self, key: K, find: Callable[[], V | None], is_current: Callable[[V], bool] = lambda _: True) -> V | None:
        """Return the key's value from memory if it ``is_current``, else what ``find`` returns."""
        with self._lock:
            entry = self._entries.get(key)
            generation = self._generation
        if entry is not None and self._clock() < entry[1] and is_current(entry[0]):
            return entry[0]
        found = find()
        if found is not None:
            self._remember(key, found, generation)
        return found

    def forget_all(self) -> None:
        """Ask again about every key."""
        with self._lock:
            self._generation += 1
            self._entries.clear()

    def _remember(self, key: K, found: V, generation: int) -> None:
        with self._lock:
            # What was forgotten while ``find`` was under way must not come back to life here.
            if generation != self._generation:
                return
            if len(self._entries) >= self._max_entries:
                self._entries.clear()
            self._entries[key] = (found, self._clock() + TTL_S)
