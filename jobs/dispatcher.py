"""Move due jobs from the table to the workers: a bounded window per queue, in the order that SQL decides.

Because no more is handed out than the workers are about to start, priority, fairness between owners, pause and cancel
act on all that still waits. Any number of dispatchers may run; a row goes to one of them.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable, Mapping

from sqlalchemy import Engine

from jobs.kinds import KINDS, Kind
from jobs.patience import DATABASE_ERRORS
from jobs.queue import BrokerError, Conveyor
from store.jobs import dispatching
from store.jobs.channels import FREED, QUEUED
from store.jobs.dispatching import Picked, Window
from store.notifications import Ear, Notification

TICK_S = 1.0
"""Notifications wake the dispatcher; the tick is for jobs that become due and for what was not heard."""
BROKEN_PAUSE_S = 0.5
MAX_PICK = 200
# When picks would follow each other faster than this, they wait a little and take more jobs at once.
BUSY_STEPS = 6
BUSY_SPAN_S = 0.01
BUSY_PAUSE_S = 0.005

log = logging.getLogger(__name__)


class Dispatcher:
    """One dispatcher loop; ``run`` blocks until ``stop``.

    ``on_tick`` is called about once a second, each time that every queue has been looked at without an error.
    """

    def __init__(
        self,
        engine: Engine,
        conveyor: Conveyor,
        kinds: Mapping[str, Kind] = KINDS,
        on_tick: Callable[[], None] = lambda: None,
    ) -> None:
        self._engine = engine
        self._conveyor = conveyor
        self._kinds = {kind.queue: kind for kind in kinds.values()}
        self._on_tick = on_tick
        self._last_owner = dict.fromkeys(self._kinds, "")
        self._has_left = dict.fromkeys(self._kinds, True)
        self._is_full = dict.fromkeys(self._kinds, False)
        self._dirty: set[str] = set()
        self._freed: set[str] = set()
        self._tick_at = 0.0
        self._is_broken = False
        self._steps: deque[float] = deque([0.0] * BUSY_STEPS, maxlen=BUSY_STEPS)
        self._ear = Ear(engine.url.render_as_string(hide_password=False), (QUEUED, FREED))
        self._stopping = False

    def run(self) -> None:
        """Dispatch until ``stop`` is called, whatever happens to the database or the broker."""
        try:
            while not self._stopping:
                self._step()
        finally:
            self._ear.close()
            self._conveyor.close()

    def stop(self) -> None:
        """Have ``run`` return soon; from any thread or a signal handler."""
        self._stopping = True
        self._ear.wake()

    def dispatch(self, queue: str) -> int:
        """Fill the window of one queue; return how many jobs were sent.

        Raises:
            BrokerError: the jobs that were picked are queued again.
        """
        kind = self._kinds[queue]
        window = Window(queue, kind.window_per_slot, MAX_PICK)
        with self._engine.connect() as connection:
            pick = dispatching.pick(connection, window, self._last_owner[queue])
        self._has_left[queue], self._is_full[queue] = pick.has_left, pick.is_full
        if pick.jobs:
            self._send(queue, pick.jobs)
        return len(pick.jobs)

    def _step(self) -> None:
        try:
            if self._is_broken:
                # Picking first would mark, unmark and log every job once per try.
                self._conveyor.check()
                self._is_broken = False
            is_tick = time.monotonic() >= self._tick_at
            for queue in self._queues_to_pick(is_tick=is_tick):
                while self.dispatch(queue) == MAX_PICK:
                    pass
            if is_tick:
                self._end_tick()
            self._note(self._ear.hear(max(0.0, self._tick_at - time.monotonic())))
        except (BrokerError, *DATABASE_ERRORS) as error:
            log.warning("cannot dispatch: %s", error)
            self._is_broken = True
            self._tick_at = 0.0
            time.sleep(BROKEN_PAUSE_S)

    def _queues_to_pick(self, *, is_tick: bool) -> set[str]:
        queues = self._take_dirty(is_tick=is_tick)
        if queues and time.monotonic() - self._steps[0] < BUSY_SPAN_S:
            time.sleep(BUSY_PAUSE_S)
            self._note(self._ear.hear(0))
            queues |= self._take_dirty(is_tick=False)
        if queues:
            self._steps.append(time.monotonic())
        return queues

    def _take_dirty(self, *, is_tick: bool) -> set[str]:
        dirty, self._dirty = self._dirty, set()
        freed, self._freed = self._freed, set()
        if is_tick:
            return set(self._kinds)
        # A pick needs both a job that waits and room for it. In a quiet system nothing waits when a job ends, in a
        # busy one there is no room when a job comes; half of the picks would find nothing.
        self._has_left |= {queue: True for queue in dirty if self._is_full[queue]}
        with_room = {queue for queue in dirty if not self._is_full[queue]}
        return with_room | {queue for queue in freed if self._has_left[queue]}

    def _end_tick(self) -> None:
        # Only a step that began as a tick has looked at every queue. One whose time came meanwhile is the next.
        with self._engine.connect() as connection:
            due_s = dispatching.seconds_to_next_due(connection)
        self._tick_at = time.monotonic() + (TICK_S if due_s is None else min(TICK_S, max(due_s, 0.0)))
        self._on_tick()

    def _send(self, queue: str, picked: list[Picked]) -> None:
        ids = [job.id for job in picked]
        try:
            self._conveyor.send(queue, ids)
        except BrokerError:
            # What was sent all the same does no harm: it claims the job, or finds it claimed.
            with self._engine.connect() as connection:
                dispatching.unpick(connection, ids)
            raise
        self._last_owner[queue] = picked[-1].owner

    def _note(self, heard: list[Notification] | None) -> None:
        if heard is None:
            self._tick_at = 0.0
            return
        for notification in heard:
            if notification.payload in self._kinds:
                (self._dirty if notification.channel == QUEUED else self._freed).add(notification.payload)
