"""Transactions about rides: made again once if they deadlock, which is logged, counted and ought never to happen."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from psycopg2.errors import DeadlockDetected
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from store.db import transactions

T = TypeVar("T")

log = logging.getLogger(__name__)


class RideTransactions:
    """Runs functions of this package, each call in a transaction of its own; for any number of threads.

    The order of locks (see ``statements``) leaves no room for deadlocks. Should there be a hole in it, a caller sees
    a short delay, and operators see it in the log and in what ``on_deadlock`` counts.
    """

    def __init__(self, engine: Engine, on_deadlock: Callable[[], None] | None = None) -> None:
        self._make = transactions(engine)
        self._on_deadlock = on_deadlock

    def run(self, work: Callable[[Session], T]) -> T:
        """Return what ``work`` returns, once it is committed; whatever it raises undoes what it wrote.

        Raises:
            DBAPIError: the database is away, or it was a deadlock for the second time.
        """
        try:
            return self._once(work)
        except DBAPIError as error:
            if not self._is_deadlock(error):
                raise
            log.warning("a transaction deadlocked and is made again", exc_info=True)
        try:
            return self._once(work)
        except DBAPIError as error:
            if self._is_deadlock(error):
                log.warning("a transaction deadlocked for the second time and is given up", exc_info=True)
            raise

    def _once(self, work: Callable[[Session], T]) -> T:
        with self._make.begin() as session:
            return work(session)

    def _is_deadlock(self, error: DBAPIError) -> bool:
        is_deadlock = isinstance(error.orig, DeadlockDetected)
        if is_deadlock and self._on_deadlock is not None:
            self._on_deadlock()
        return is_deadlock
