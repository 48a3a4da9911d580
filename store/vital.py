"""Threads that a process cannot do without."""

from __future__ import annotations

import logging
import os
import signal
import threading
from collections.abc import Callable

log = logging.getLogger(__name__)


class VitalThread(threading.Thread):
    """A daemon thread; should it break, its process ends as by SIGTERM, for whoever keeps it to start it anew.

    A worker without its heartbeat would go on claiming jobs that others then take from it, and an API without its
    ears would let everybody wait in vain: both look healthy from outside.
    """

    def __init__(self, run: Callable[[], None], name: str) -> None:
        super().__init__(target=run, name=name, daemon=True)

    def run(self) -> None:
        """Run until the target returns; called by ``start``."""
        has_returned = False
        try:
            super().run()
            has_returned = True
        finally:
            if not has_returned:
                log.critical("the thread %s broke, so the process ends", self.name)
                os.kill(os.getpid(), signal.SIGTERM)
