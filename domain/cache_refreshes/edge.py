"""What is asked of a point of presence (POP): a cache near viewers that fetches from the origin what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


class EdgeError(Exception):
    """The POP is away, or answers nonsense; it may do better later."""


class EdgeRefusedError(Exception):
    """The POP refuses its key, or the caller's network: asking again changes nothing."""


@dataclass(frozen=True, slots=True)
class Selection:
    """What is meant, by exactly one of the three.

    ``paths``: URLs without scheme and host, ``/v1/questions``. ``tags``: words of ``Surrogate-Key``. ``prefix``: a
    beginning of paths, taken literally.
    """

    paths: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    prefix: str | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """A copy that a POP holds. ``etag`` is the origin's, with its quotes; ``is_fresh``: it is not stale."""

    etag: str
    size_bytes: int
    is_fresh: bool


@dataclass(frozen=True, slots=True)
class PopStats:
    """Counters of a POP since it was started, and what it holds now."""

    hits: int
    misses: int
    sent_bytes: int
    objects: int
    stored_bytes: int


class PopDriver(Protocol):
    """How one POP is driven. Safe for many threads.

    Every method raises ``EdgeError`` or ``EdgeRefusedError``.
    """

    def purge(self, selection: Selection, *, is_soft: bool) -> int:
        """Make copies stale (soft: they are served until they are fetched anew) or drop them; return their number."""
        ...

    def fetch(self, path: str) -> Copy | None:
        """Get ``path`` as a viewer would, so that the POP holds it afterwards; ``None``: the origin has none.

        After a soft purge the POP may answer with the stale copy once, and fetch behind it.
        """
        ...

    def probe(self, path: str) -> Copy | None:
        """Return the copy that the POP holds, without having it fetched; ``None``: none."""
        ...

    def stats(self) -> PopStats:
        """Return the counters."""
        ...
