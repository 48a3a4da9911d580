"""Who does something next: a heap of scripts by the time at which each goes on, and the threads that carry them."""

from __future__ import annotations

import heapq
import itertools
import threading
from array import array
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor

Script = Generator[float, None, None]
"""Does something up to each ``yield``, which says for how many seconds it does nothing then."""

HURRIED_PAUSE_S = 0.2


class Agenda:
    """Scripts and when each goes on. A script is taken out while it is carried, so that it is never in two threads.

    Times are seconds of any one clock. Safe to use from several threads.
    """

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self._due: list[tuple[float, int, Script]] = []
        self._order = itertools.count()
        self._alive = 0
        self.is_hurried = False
        """Whether it is time to go."""

    @property
    def alive(self) -> int:
        """How many scripts have not ended yet."""
        return self._alive

    def add(self, script: Script, at_s: float) -> None:
        """Begin ``script`` at ``at_s``."""
        with self.changed:
            self._alive += 1
            self._put(script, at_s)

    def take(self, now_s: float) -> tuple[Script, float] | None:
        """Take the next script that is due, with the time at which it was; ``None`` if none is."""
        with self.changed:
            first_at_s = self.first_at_s()
            if first_at_s is None or first_at_s > now_s:
                return None
            due_at_s, _, script = heapq.heappop(self._due)
            return script, due_at_s

    def first_at_s(self) -> float | None:
        """Return when the next script is due."""
        return self._due[0][0] if self._due else None

    def go_on(self, script: Script, clock: Callable[[], float]) -> None:
        """Carry a taken script to its next pause, or to its end."""
        pause_s = None
        try:
            pause_s = next(script, None)
        finally:
            with self.changed:
                if pause_s is None:
                    self._alive -= 1
                    self.changed.notify()
                else:
                    self._put(script, clock() + (min(pause_s, HURRIED_PAUSE_S) if self.is_hurried else pause_s))

    def hurry(self, now_s: float) -> None:
        """Make every script go on now, and let none pause for long from here on: it is time to go."""
        with self.changed:
            self.is_hurried = True
            self._due = [(min(at_s, now_s), order, script) for at_s, order, script in self._due]
            heapq.heapify(self._due)
            self.changed.notify()

    def abandon(self) -> int:
        """Forget the scripts that pause, and return how many they are; those that are being carried go on."""
        with self.changed:
            number = len(self._due)
            self._due.clear()
            self._alive -= number
            self.changed.notify()
        return number

    def _put(self, script: Script, at_s: float) -> None:
        entry = (at_s, next(self._order), script)
        heapq.heappush(self._due, entry)
        if self._due[0] is entry:
            self.changed.notify()


class Crew:
    """Threads that carry the scripts of an agenda by ``clock``. The caller of ``run`` keeps the time.

    With a thread waiting for every script's time, each of them would wake all.
    """

    def __init__(self, agenda: Agenda, clock: Callable[[], float], size: int) -> None:
        self._agenda = agenda
        self._clock = clock
        self._pool = ThreadPoolExecutor(size, "crew")
        self._failure: BaseException | None = None
        self.lags_s = array("d")
        """How long after its time each step began, until all were hurried: what this client did not keep up with."""

    def run(self) -> None:
        """Hand out what is due until every script has ended; may be called again after an interrupt.

        Raises:
            BaseException: what a script raised; such a script is a mistake of ours, and the run is worth nothing.
        """
        while self._agenda.alive and self._failure is None:
            while (taken := self._agenda.take(self._clock())) is not None:
                self._pool.submit(self._carry, *taken).add_done_callback(self._note_failure)
            self._wait()
        if self._failure is not None:
            raise self._failure

    def close(self) -> None:
        """Let the threads end, each after what it is carrying."""
        self._pool.shutdown(cancel_futures=True)

    def _wait(self) -> None:
        with self._agenda.changed:
            first_at_s = self._agenda.first_at_s()
            left_s = None if first_at_s is None else first_at_s - self._clock()
            if self._agenda.alive and self._failure is None and (left_s is None or left_s > 0):
                self._agenda.changed.wait(left_s)

    def _carry(self, script: Script, due_at_s: float) -> None:
        if not self._agenda.is_hurried:
            self.lags_s.append(self._clock() - due_at_s)
        self._agenda.go_on(script, self._clock)

    def _note_failure(self, step: Future[None]) -> None:
        if not step.cancelled() and (error := step.exception()) is not None:
            with self._agenda.changed:
                self._failure = error
                self._agenda.changed.notify()
