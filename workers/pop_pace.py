"""How fast a job may fill a POP: within its rate, its window and the time that one job may take."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

from sqlalchemy.orm import Session, sessionmaker

from domain.cache_refreshes.pops import Pop
from store import pops

SLICE_S = 20.0
"""After this a fill is handed on to a job of its own, so that others get their turn."""


class FillPace:
    """The ``Pace`` of one job. The rate is the POP's, whoever fills it; it is kept in the database.

    ``stopped`` ends it from outside. ``has_window``: the POP's window counts.
    """

    def __init__(
        self,
        sessions: sessionmaker[Session],
        pop: Pop,
        stopped: threading.Event,
        *,
        has_window: bool,
        slice_s: float = SLICE_S,
    ) -> None:
        self._sessions = sessions
        self._pop = pop
        self._stopped = stopped
        self._window = pop.fill_window if has_window else None
        self._ends_at = time.monotonic() + slice_s
        # One thread of a fill waits for the rate, and the others behind it.
        self._turn = threading.Lock()
        # Charging takes one connection of the process at a time.
        self._book = threading.Lock()

    def may_go_on(self) -> bool:
        """Wait for the POP's rate; ``False`` when the job was stopped, or its time or the window is over."""
        with self._turn:
            while not self._is_over():
                wait_s = self.wait_s()
                if wait_s <= 0:
                    return True
                if time.monotonic() + wait_s > self._ends_at:
                    return False
                self._stopped.wait(wait_s)
        return False

    def charge(self, size_bytes: int) -> None:
        """Note what the POP was given."""
        if self._pop.max_bytes_per_s is not None and size_bytes:
            with self._book, self._sessions.begin() as session:
                pops.charge(session, self._pop.name, size_bytes)

    def wait_s(self) -> float:
        """Return in how many seconds the POP may be given more."""
        if self._pop.max_bytes_per_s is None:
            return 0.0
        with self._sessions.begin() as session:
            return pops.wait_s(session, self._pop.name)

    def _is_over(self) -> bool:
        is_closed = self._window is not None and not self._window.is_open(datetime.now(UTC))
        return is_closed or self._stopped.is_set() or time.monotonic() >= self._ends_at
