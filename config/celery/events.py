"""How a worker sends the events that Flower shows."""

from __future__ import annotations

from typing import Protocol

from celery import bootsteps
from celery.worker.consumer.consumer import Consumer
from kombu.asynchronous.timer import Entry

EVENTS_EVERY_S = 0.25
EVENTS_AT_ONCE = 1000


class _Events(Protocol):
    on_send_buffered: object
    buffer_limit: int

    def flush(self) -> None: ...


class PacedEvents(bootsteps.StartStopStep):
    """A step of the worker's consumer: send task events a few times a second, many in one message.

    Celery sends them after each turn of its loop, which for short jobs is a message to the broker for every one or
    two events, and those stand in the way of the job itself.
    """

    _timer: Entry | None = None
    requires = ("celery.worker.consumer.events:Events",)

    def start(self, consumer: Consumer) -> None:
        """Take the sending over; the dispatcher of events is a new one after each reconnection."""
        self._events: _Events = consumer.event_dispatcher  # type: ignore[attr-defined]  # The stubs lack it.
        self._events.on_send_buffered = None
        self._events.buffer_limit = EVENTS_AT_ONCE
        self._timer = consumer.timer.call_repeatedly(EVENTS_EVERY_S, self._events.flush)

    def stop(self, consumer: Consumer) -> None:
        """Send what is left."""
        timer, self._timer = self._timer, None
        if timer is not None:
            timer.cancel()
            self._events.flush()
