"""Who may still ask a service that has stopped answering: a circuit breaker for many threads.

Closed: everyone asks. Open, from the ``failures``-th failure in a row on: nobody asks until ``open_s`` have passed,
and then one caller does, on behalf of all. So a frozen service costs a time-out now and then, not one for every call.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Circuit:
    """Whoever asks calls ``may_try`` before, and ``fail`` or ``succeed`` after."""

    def __init__(self, failures: int, open_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._failures = failures
        self._open_s = open_s
        self._clock = clock
        self._lock = threading.Lock()
        self._failed = 0
        self._open_until: float | None = None

    def may_try(self) -> bool:
        """Tell whether to ask; if so, ``fail`` or ``succeed`` is to follow."""
        with self._lock:
            if self._open_until is None:
                return True
            if self._clock() < self._open_until:
                return False
            # Whoever comes first is the probe; the others are held off while it waits.
            self._open_until = self._clock() + self._open_s
            return True

    def fail(self) -> None:
        """Note that the service did not answer, or not what was asked."""
        with self._lock:
            self._failed += 1
            if self._failed >= self._failures:
                self._open_until = self._clock() + self._open_s

    def succeed(self) -> None:
        """Note that the service answered."""
        with self._lock:
            self._failed = 0
            self._open_until = None
