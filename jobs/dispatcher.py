"""Move due jobs from the table to the workers: a bounded window per queue, in the order that SQL decides.

Because no more is handed out than the workers are about to start, priority, fairness between owners, pause and cancel
act on all that still waits. Any number of dispatchers may run; a row goes to one of them.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Mapping

from sqlalchemy import Engine

from jobs.kinds import KINDS, Kind
from jobs.patience import DATABASE_ERRORS
from jobs.queue import BrokerError, Conveyor
from store.db import sessions
from store.jobs import dispatching
from store.jobs.channels import QUEUED
from store.jobs.dispatching import Picked, Window
from store.notifications import NotificationListener

TICK_S = 1.0
"""Notifications wake the dispatcher; the tick is for jobs that become due and for what was not heard."""
BROKEN_PAUSE_S = 0.5
MAX_PICK = 200
# When notifications come faster than this, picks wait for each other and take more jobs at once.
BUSY_STEPS = 6
BUSY_SPAN_S = 0.01
BUSY_PAUSE_S = 0.005

log = logging.getLogger(__name__)


class Dispatcher:
    """One dispatcher loop; ``run`` blocks until ``stop``."""

    def __init__(self, engine: Engine, conveyor: Conveyor, kinds: Mapping[str, Kind] = KINDS) -> None:
        self._engine = engine
        self._sessions = sessions(engine)
        self._conveyor = conveyor
        self._kinds = {kind.queue: kind for kind in kinds.values()}
        self._last_owner = dict.fromkeys(self._kinds, "")
        self._dirty: set[str] = set()
        self._lock = threading.Lock()
        self._tick_at = 0.0
        self._is_broken = False
        self._steps: deque[float] = deque([0.0] * BUSY_STEPS, maxlen=BUSY_STEPS)
        self._wake = threading.Event()
        self._stopping = False

    def run(self) -> None:
        """Dispatch until ``stop`` is called, whatever happens to the database or the broker."""
        url = self._engine.url.render_as_string(hide_password=False)
        listener = NotificationListener(url, (QUEUED,), self._on_queued, self._on_gap)
        listener.start()
        try:
            while not self._stopping:
                self._step()
        finally:
            listener.stop()
            self._conveyor.close()

    def stop(self) -> None:
        """Have ``run`` return soon; from any thread or a signal handler."""
        self._stopping = True
        self._wake.set()

    def dispatch(self, queue: str) -> int:
        """Fill the window of one queue; return how many jobs were sent.

        Raises:
            BrokerError: the jobs that were picked are queued again.
        """
        kind = self._kinds[queue]
        window = Window(queue, kind.window_per_slot, MAX_PICK)
        with self._sessions() as session:
            picked = dispatching.pick(session, window, self._last_owner[queue])
        if picked:
            self._send(queue, picked)
        return len(picked)

    def _step(self) -> None:
        if time.monotonic() - self._steps[0] < BUSY_SPAN_S:
            time.sleep(BUSY_PAUSE_S)
        self._steps.append(time.monotonic())
        self._wake.clear()
        try:
            if self._is_broken:
                # Picking first would mark, unmark and log every job once per try.
                self._conveyor.check()
                self._is_broken = False
            for queue in self._take_dirty():
                while self.dispatch(queue) == MAX_PICK:
                    pass
            self._wake.wait(self._seconds_to_tick())
        except (BrokerError, *DATABASE_ERRORS) as error:
            log.warning("cannot dispatch: %s", error)
            self._is_broken = True
            self._tick_at = 0.0
            time.sleep(BROKEN_PAUSE_S)

    def _take_dirty(self) -> set[str]:
        with self._lock:
            dirty, self._dirty = self._dirty, set()
        return set(self._kinds) if time.monotonic() >= self._tick_at else dirty

    def _seconds_to_tick(self) -> float:
        if time.monotonic() >= self._tick_at:
            with self._sessions() as session:
                due_s = dispatching.seconds_to_next_due(session)
            self._tick_at = time.monotonic() + (TICK_S if due_s is None else min(TICK_S, max(due_s, 0.0)))
        return max(0.0, self._tick_at - time.monotonic())

    def _send(self, queue: str, picked: list[Picked]) -> None:
        ids = [job.id for job in picked]
        try:
            self._conveyor.send(queue, ids)
        except BrokerError:
            # What was sent all the same does no harm: it claims the job, or finds it claimed.
            with self._sessions() as session:
                dispatching.unpick(session, ids)
            raise
        self._last_owner[queue] = picked[-1].owner

    def _on_queued(self, _channel: str, queue: str) -> None:
        if queue in self._kinds:
            with self._lock:
                self._dirty.add(queue)
            self._wake.set()

    def _on_gap(self) -> None:
        self._tick_at = 0.0
        self._wake.set()
