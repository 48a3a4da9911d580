"""The maintenance tick: what must happen now and then, done by whoever gets to it."""

from __future__ import annotations

import logging
import threading

from sqlalchemy import Engine

from jobs import retention, schedules
from jobs.patience import DATABASE_ERRORS

TICK_EVERY_S = 10.0

log = logging.getLogger(__name__)


def tick(engine: Engine) -> None:
    """Submit what is due by the clock and forget what is old; as often, and as many at once, as anybody likes."""
    schedules.tick(engine)
    retention.prune(engine)


class Clock:
    """Ticks beside the dispatcher, so that nothing is late when beat or the broker is away."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._stopping = threading.Event()

    def run(self, every_s: float = TICK_EVERY_S) -> None:
        """Tick every ``every_s`` seconds until ``stop`` is called."""
        is_installed = False
        while not self._stopping.is_set():
            try:
                if not is_installed:
                    schedules.install(self._engine)
                    is_installed = True
                tick(self._engine)
            except DATABASE_ERRORS as error:
                log.warning("cannot tick: %s", error)
            self._stopping.wait(every_s)

    def stop(self) -> None:
        """Have ``run`` return soon; from any thread."""
        self._stopping.set()
