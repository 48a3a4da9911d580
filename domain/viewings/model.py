"""What somebody watched, and the cache of each one's list that all servers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

MAX_LISTED = 100
"""A list has so many viewings at most, the newest first."""


@dataclass(frozen=True, slots=True)
class Viewing:
    """A title that somebody watched ``times`` times; ``first_at`` and ``last_at`` are aware."""

    title_id: str
    first_at: datetime
    last_at: datetime
    times: int


class Source(StrEnum):
    """Where a list came from; ``AWAY``: from the database, because the cache does not answer."""

    CACHE = "hit"
    DATABASE = "miss"
    AWAY = "away"


@dataclass(frozen=True, slots=True)
class Seen:
    """An owner's list, and where it came from."""

    viewings: Sequence[Viewing]
    source: Source


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a refresh found: so many lists as they should be, that were old and are replaced, that were not there.

    ``busy`` ones were just being changed, and are left to whoever does that.
    """

    right: int = 0
    stale: int = 0
    added: int = 0
    busy: int = 0

    def __add__(self, other: Refreshed) -> Refreshed:
        return Refreshed(
            self.right + other.right, self.stale + other.stale, self.added + other.added, self.busy + other.busy
        )


class CacheAwayError(Exception):
    """The cache does not answer."""


class ViewingCache(Protocol):
    """Every owner's list, whole. A list that is older than the last change is never put in."""

    def get(self, owner: str, read: Callable[[], Sequence[Viewing]]) -> Seen:
        """Return the owner's list, which ``read`` reads from the database where the cache has none or is away."""

    def changing(self, owner: str) -> AbstractContextManager[None]:
        """Keep no list of the owner while the block, which ends with the commit, changes it; the old one is gone.

        Never fails. What a cache that is away could not be told is told when it answers again.
        """

    def refresh(
        self, owners: Sequence[str], read: Callable[[Sequence[str]], Mapping[str, Sequence[Viewing]]]
    ) -> Refreshed:
        """Replace the owners' lists by what ``read`` says.

        Raises:
            CacheAwayError: not all of it was done.
        """
