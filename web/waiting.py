"""Waiting for a thing's next change without asking the database again and again.

A thing is named by a key: a job by its id, others as ``ride:<id>`` and ``driver:<id>``. One listener per process
hears every change and wakes those who wait for that thing. A waiter subscribes *before* it reads it: a change after
the read then always finds it subscribed, so no wake-up can be lost. After a gap in listening everybody is woken and
reads again.
"""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

# How soon a waiter notices that the process is shutting down. Nothing else is found out by this clock.
STOP_CHECK_S = 0.5


class Watch:
    """One waiter's ear for one thing: for each of its changes, or (``only_end``) for the one that ends it."""

    def __init__(self, is_stopping: Callable[[], bool], *, only_end: bool) -> None:
        self.only_end = only_end
        self._is_stopping = is_stopping
        self._changed = threading.Event()

    def wait(self, timeout_s: float) -> bool:
        """Return true once the thing may have changed since the last call; false after the time, or at shutdown."""
        deadline = time.monotonic() + timeout_s
        while not self.is_over(deadline):
            if self._changed.wait(min(STOP_CHECK_S, max(0.0, deadline - time.monotonic()))):
                self._changed.clear()
                return True
        return False

    def is_over(self, deadline: float) -> bool:
        """Tell whether waiting until ``deadline`` (monotonic) is over: it has passed, or the process is ending."""
        return self._is_stopping() or time.monotonic() >= deadline

    def wake(self) -> None:
        """Make the current or the next ``wait`` return."""
        self._changed.set()


class WaitHub:
    """Who waits for what in this process. ``is_stopping`` tells that the process is shutting down."""

    def __init__(self, is_stopping: Callable[[], bool] = lambda: False) -> None:
        self._is_stopping = is_stopping
        self._lock = threading.Lock()
        self._watches: defaultdict[str, set[Watch]] = defaultdict(set)

    @contextmanager
    def watch(self, key: str, *, only_end: bool = False) -> Iterator[Watch]:
        """Subscribe to the changes of one thing, or only to its end."""
        watch = Watch(self._is_stopping, only_end=only_end)
        with self._lock:
            self._watches[key].add(watch)
        try:
            yield watch
        finally:
            with self._lock:
                self._watches[key].discard(watch)
                if not self._watches[key]:
                    del self._watches[key]

    def wake(self, key: str, *, is_end: bool = True) -> None:
        """Wake whoever waits for this thing; those who wait for its end only by the change that ``is_end``."""
        with self._lock:
            for watch in self._watches.get(key, ()):
                if is_end or not watch.only_end:
                    watch.wake()

    def wake_all(self) -> None:
        """Wake everybody: something may have been missed."""
        with self._lock:
            for watches in self._watches.values():
                for watch in watches:
                    watch.wake()


class Places:
    """A bounded number of threads that may be kept busy by waiting; the rest stay free for short requests."""

    def __init__(self, limit: int) -> None:
        self._semaphore = threading.BoundedSemaphore(limit)

    @contextmanager
    def take(self) -> Iterator[bool]:
        """Yield whether there was a place; give it back at the end."""
        is_taken = self.try_take()
        try:
            yield is_taken
        finally:
            if is_taken:
                self.give_back()

    def try_take(self) -> bool:
        """Take a place if there is one, for a use that ends elsewhere: ``give_back`` must follow."""
        return self._semaphore.acquire(blocking=False)

    def give_back(self) -> None:
        """Free a place taken by ``try_take``."""
        self._semaphore.release()
