"""Versions of rides that were read a moment ago, so that being told "nothing has changed" costs the database nothing.

Every change of a ride is notified with its new version, and the listener that wakes who waits tells this cache, too.
So an entry may be as far behind as a notification takes, some milliseconds, but never behind what this process has
shown. After a gap in listening nothing is believed any more; ``TTL_S`` bounds how long an entry lives on while a gap
has not been noticed. Nothing is decided by what is here.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from uuid import UUID

from store.rides.rides import RideVersion

TTL_S = 30.0
MAX_RIDES = 20_000


class VersionCache:
    """Remembers what ``find`` said about a ride. Rides that are not there are not remembered."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._generation = 0
        self._entries: dict[UUID, tuple[RideVersion, float]] = {}
        # What was heard while a read was under way, so that its older answer is not remembered after it.
        self._heard: dict[UUID, int] = {}

    def get(self, ride_id: UUID, find: Callable[[], RideVersion | None]) -> RideVersion | None:
        """Return the ride's version from memory, else what ``find`` returns."""
        with self._lock:
            entry = self._entries.get(ride_id)
            generation = self._generation
        if entry is not None and self._clock() < entry[1]:
            return entry[0]
        found = find()
        if found is not None:
            self._remember(ride_id, found, generation)
        return found

    def hear(self, ride_id: UUID, version: int) -> None:
        """Forget what is older than ``version``."""
        with self._lock:
            self._make_room()
            self._heard[ride_id] = max(version, self._heard.get(ride_id, 0))
            entry = self._entries.get(ride_id)
            if entry is not None and entry[0].version < version:
                del self._entries[ride_id]

    def forget_all(self) -> None:
        """Ask again about every ride: changes may have been missed."""
        with self._lock:
            self._clear()

    def _remember(self, ride_id: UUID, found: RideVersion, generation: int) -> None:
        with self._lock:
            if generation != self._generation or found.version < self._heard.get(ride_id, 0):
                return
            self._make_room()
            self._entries[ride_id] = (found, self._clock() + TTL_S)

    def _make_room(self) -> None:
        if max(len(self._entries), len(self._heard)) >= MAX_RIDES:
            self._clear()

    def _clear(self) -> None:
        self._generation += 1
        self._entries.clear()
        self._heard.clear()
