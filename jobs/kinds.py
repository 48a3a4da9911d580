"""The kinds of jobs: one table with everything that differs between them. A kind's queue and task bear its name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

MAX_CRASHES = 3
"""A job whose worker was lost this often is taken for the cause of it, and fails."""

BATCHES = "batches"
"""The kind of a batch's parent, which runs without a worker until its last child has ended."""

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S


class UnknownKindError(Exception):
    """There is no such kind of job."""


@dataclass(frozen=True, slots=True)
class Kind:
    """How jobs of one kind are treated.

    ``lease_s``: a worker that is silent for this long has lost its jobs. ``backoff_s`` doubles with every failed
    attempt, up to ``backoff_max_s``. ``window_per_slot``: how many jobs are with the workers, waiting or running,
    for each of their slots; little keeps priorities and fairness prompt, much keeps short jobs flowing.
    ``max_depth`` bounds the queue; ``keep_s`` is how long finished jobs are kept.
    """

    name: str
    max_attempts: int
    lease_s: float
    backoff_s: float
    backoff_max_s: float
    window_per_slot: float
    max_depth: int
    keep_s: float

    @property
    def queue(self) -> str:
        """Return the queue's name."""
        return self.name


KINDS: Mapping[str, Kind] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind(
                name="code_runs",
                max_attempts=3,
                lease_s=30,
                backoff_s=1,
                backoff_max_s=30,
                window_per_slot=1.5,
                max_depth=100_000,
                keep_s=7 * DAY_S,
            ),
            # A city stands still while a lost tick is waited for, so the lease is short.
            Kind(
                name="ride_matches",
                max_attempts=3,
                lease_s=15,
                backoff_s=1,
                backoff_max_s=5,
                window_per_slot=2,
                max_depth=100_000,
                keep_s=HOUR_S,
            ),
            # A film takes hours; its worker shows that it lives all the same.
            Kind(
                name="videos",
                max_attempts=3,
                lease_s=30,
                backoff_s=5,
                backoff_max_s=120,
                window_per_slot=2,
                max_depth=10_000,
                keep_s=7 * DAY_S,
            ),
            # A POP that is away for longer than these attempts is gone back to when it answers again. At most half of
            # a worker's slots carry refreshes, for a fill may take all the time that it is given, and ticks may not
            # wait for it.
            Kind(
                name="cache_refreshes",
                max_attempts=4,
                lease_s=30,
                backoff_s=2,
                backoff_max_s=60,
                window_per_slot=0.5,
                max_depth=100_000,
                keep_s=DAY_S,
            ),
            # The next look is half an hour away, so a blob store that is away for some minutes is waited for.
            Kind(
                name="content_sets",
                max_attempts=5,
                lease_s=60,
                backoff_s=2,
                backoff_max_s=120,
                window_per_slot=2,
                max_depth=1000,
                keep_s=DAY_S,
            ),
            Kind(
                name="canaries",
                max_attempts=3,
                lease_s=30,
                backoff_s=1,
                backoff_max_s=10,
                window_per_slot=8,
                max_depth=100_000,
                keep_s=HOUR_S,
            ),
        )
    }
)


def kind_named(name: str, kinds: Mapping[str, Kind] = KINDS) -> Kind:
    """Return the kind called ``name``.

    Raises:
        UnknownKindError: there is none.
    """
    try:
        return kinds[name]
    except KeyError:
        raise UnknownKindError(f"there is no kind of job called {name!r}") from None
