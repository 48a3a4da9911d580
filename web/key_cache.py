"""Keys that were valid a moment ago, so that a busy caller costs the database one look-up in half a minute.

A revocation is notified and empties the cache of every process at once. ``TTL_S`` bounds how long a key lives on when
the notification cannot arrive because the database is away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from store.api_keys import ApiKey

TTL_S = 30.0
MAX_KEYS = 10_000


class KeyCache:
    """Remembers what ``find`` said about a key's hash. Unknown keys are not remembered: anybody can make those up."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._generation = 0
        self._entries: dict[bytes, tuple[ApiKey, float]] = {}

    def get(self, key_hash: bytes, find: Callable[[], ApiKey | None]) -> ApiKey | None:
        """Return the key with this hash from memory, else what ``find`` returns."""
        with self._lock:
            entry = self._entries.get(key_hash)
            generation = self._generation
        if entry is not None and self._clock() < entry[1]:
            return entry[0]
        found = find()
        if found is not None:
            self._remember(key_hash, found, generation)
        return found

    def forget_all(self) -> None:
        """Ask again about every key."""
        with self._lock:
            self._generation += 1
            self._entries.clear()

    def _remember(self, key_hash: bytes, found: ApiKey, generation: int) -> None:
        with self._lock:
            # A key that was revoked while ``find`` was under way must not come back to life here.
            if generation != self._generation:
                return
            if len(self._entries) >= MAX_KEYS:
                self._entries.clear()
            self._entries[key_hash] = (found, self._clock() + TTL_S)
