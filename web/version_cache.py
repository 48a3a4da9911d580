"""Versions of rides that were read a moment ago, so that "nothing has changed" is said without asking the database.

Every change of a ride is notified with its new version, and the listener that wakes who waits tells this cache, too.
So an entry may be as far behind as a notification takes, some milliseconds, but never behind what this process has
shown. After a gap in listening nothing is believed any more. Nothing is decided by what is here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import UUID

from store.rides.rides import RideVersion
from web.ttl_cache import TtlCache

MAX_RIDES = 20_000


class VersionCache:
    """Remembers what ``find`` said about a ride, until a newer version is heard of."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._cache: TtlCache[UUID, RideVersion] = TtlCache(MAX_RIDES, clock)
        self._lock = threading.Lock()
        self._heard: dict[UUID, int] = {}

    def get(self, ride_id: UUID, find: Callable[[], RideVersion | None]) -> RideVersion | None:
        """Return the ride's version from memory, else what ``find`` returns."""
        return self._cache.get(ride_id, find, lambda seen: seen.version >= self._heard.get(ride_id, 0))

    def hear(self, ride_id: UUID, version: int) -> None:
        """Believe nothing older than ``version`` any more."""
        with self._lock:
            if len(self._heard) >= MAX_RIDES:
                self._forget_all()
            self._heard[ride_id] = max(version, self._heard.get(ride_id, 0))

    def forget_all(self) -> None:
        """Ask again about every ride: changes may have been missed."""
        with self._lock:
            self._forget_all()

    def _forget_all(self) -> None:
        # Entries first: without what was heard there would be nothing to hold them against.
        self._cache.forget_all()
        self._heard.clear()
