"""Try statements of the database again while it is away, so that its restart fails no job."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import TypeVar

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

DATABASE_ERRORS = (OperationalError, InterfaceError, PoolTimeoutError)
"""What a statement raises when the database is away, starting, or had to choose between two that deadlocked."""

PATIENCE_S = 90.0
PAUSE_S = 0.05
MAX_PAUSE_S = 2.0

T = TypeVar("T")
log = logging.getLogger(__name__)


def patiently(action: Callable[[], T], patience_s: float = PATIENCE_S) -> T:
    """Return what ``action`` returns, trying again for ``patience_s`` while the database is away.

    ``action`` must bear to be repeated: a reply that was lost looks like a failure.
    """
    give_up_at = time.monotonic() + patience_s
    pause_s = PAUSE_S
    while True:
        try:
            return action()
        except DATABASE_ERRORS as error:
            if time.monotonic() + pause_s > give_up_at:
                raise
            log.warning("the database does not answer, trying again: %s", error)
            time.sleep(pause_s)
            pause_s = min(2 * pause_s, MAX_PAUSE_S)
