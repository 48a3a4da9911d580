"""What happened, in numbers. Everything here may be called from several threads."""

from __future__ import annotations

import math
import threading
from array import array
from collections import Counter, defaultdict
from collections.abc import Sequence
from enum import StrEnum


class Outcome(StrEnum):
    """How a passenger's story ended."""

    SERVED = "served"
    LOST = "lost"
    """Nobody came in time."""
    CANCELLED = "cancelled"
    """By the passenger, with a driver on the way."""
    CUT_OFF = "cut off"
    """By the end of the simulation."""


class Tally:
    """Counts of what people did and of what the API answered, and how long things took."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self.outcomes: Counter[tuple[Outcome, str]] = Counter()
        self.errors: Counter[str] = Counter()
        self.failures = 0
        """Answers with 5xx, and requests without an answer."""
        self.call_s: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self.to_match_s = array("d")
        self.to_start_s = array("d")
        self._lock = threading.Lock()

    def count(self, what: str, number: int = 1) -> None:
        """Count something that people did, or did to them."""
        with self._lock:
            self.counts[what] += number

    def end(self, outcome: Outcome, reason: str = "") -> None:
        """Count a passenger whose story has ended."""
        with self._lock:
            self.outcomes[outcome, reason] += 1

    def note_wait(self, to_match_s: float | None, to_start_s: float | None) -> None:
        """Keep how long a passenger waited from creating the ride until it was matched and until it started."""
        with self._lock:
            if to_match_s is not None:
                self.to_match_s.append(to_match_s)
            if to_start_s is not None:
                self.to_start_s.append(to_start_s)

    def note_call(self, name: str, seconds: float) -> None:
        """Keep how long the API took for one answer."""
        with self._lock:
            self.call_s[name].append(seconds)

    def note_error(self, label: str, *, is_failure: bool) -> None:
        """Count a refusal, or (``is_failure``) something that the API must not answer."""
        with self._lock:
            self.errors[label] += 1
            self.failures += is_failure

    def number_of_calls(self) -> int:
        """Return how many answers there were."""
        with self._lock:
            return sum(map(len, self.call_s.values()))

    def passengers_gone(self) -> int:
        """Return how many stories have ended."""
        with self._lock:
            return self.outcomes.total()

    def ended(self, outcome: Outcome) -> int:
        """Return how many stories ended so, for whatever reason."""
        with self._lock:
            return sum(number for (each, _), number in self.outcomes.items() if each is outcome)


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the least value that ``share`` of all are not above; ``None`` of nothing."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
