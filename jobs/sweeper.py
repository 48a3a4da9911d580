"""Heal what was lost: leases that ran out, messages that vanished, deadlines that passed, workers that died.

It rescues by lease, never by age, so a job may take as long as its worker shows life. It is no job itself, for it
must work when jobs do not. Any number of sweepers may run; one sweeps at a time.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import astuple, dataclass

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from jobs.kinds import MAX_CRASHES
from jobs.patience import DATABASE_ERRORS
from jobs.queue import BrokerError, Conveyor
from store.db import transactions
from store.jobs import sweeping

SWEEP_EVERY_S = 1.0
PATIENCE_S = 30.0
# No lease was renewed while the database was away. Longer than a heartbeat's pause and its connecting, so that living
# workers have renewed theirs before any is taken for over.
AWAY_S = 5.0
RENEWAL_S = 15.0
MAX_DOUBLINGS = 5
CRASHED = {"type": "crashed", "message": "the worker was lost each time that it ran this job"}

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Swept:
    """How many jobs one sweep moved, and for which reason."""

    rescued: int = 0
    condemned: int = 0
    redispatched: int = 0
    expired: int = 0
    lost_queues: int = 0
    unparked: int = 0


class Sweeper:
    """One sweeping loop; ``run`` blocks until ``stop``."""

    def __init__(
        self,
        engine: Engine,
        conveyor: Conveyor,
        patience_s: float = PATIENCE_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._transactions = transactions(engine)
        self._conveyor = conveyor
        self._patience_s = patience_s
        self._clock = clock
        self._was_away = False
        self._trusts_leases_at = 0.0
        self._stopping = threading.Event()

    def run(self, every_s: float = SWEEP_EVERY_S) -> None:
        """Sweep every ``every_s`` seconds until ``stop`` is called, whatever happens to the servers."""
        while not self._stopping.wait(every_s):
            try:
                swept = self.sweep()
            except DATABASE_ERRORS as error:
                log.warning("cannot sweep: %s", error)
                self._was_away = True
                continue
            if any(astuple(swept)):
                log.info("swept: %s", swept)
        self._conveyor.close()

    def stop(self) -> None:
        """Have ``run`` return soon; from any thread or a signal handler."""
        self._stopping.set()

    def sweep(self) -> Swept:
        """Heal once; does nothing while another sweeper is at it."""
        broker_life = self._broker_life()
        asked_at = self._clock()
        with self._transactions.begin() as session:
            is_first = sweeping.try_lock(session)
            may_rescue = self._trusts_leases(asked_at)
            self._was_away = False
            if not is_first:
                return Swept()
            return Swept(
                rescued=sweeping.rescue(session, MAX_CRASHES) if may_rescue else 0,
                condemned=sweeping.condemn(session, MAX_CRASHES, dict(CRASHED)) if may_rescue else 0,
                redispatched=self._redispatch(session, broker_life),
                expired=sweeping.expire(session),
                lost_queues=sweeping.bury_workers(session),
                unparked=sweeping.unpark(session),
            )

    def _trusts_leases(self, asked_at: float) -> bool:
        """Say whether the database has answered for so long that living workers renewed their leases."""
        now = self._clock()
        if self._was_away or now - asked_at > AWAY_S:
            self._trusts_leases_at = now + RENEWAL_S
        return now >= self._trusts_leases_at

    def _redispatch(self, session: Session, broker_life: str | None) -> int:
        # The life is noted by the transaction that queues its lost jobs again: a sweep that dies in between, or a
        # crash of the database, undoes both.
        if broker_life is not None and sweeping.note_broker_life(session, broker_life):
            return sweeping.redispatch_all(session)
        return sweeping.redispatch_late(session, self._patience_s, MAX_DOUBLINGS)

    def _broker_life(self) -> str | None:
        try:
            return self._conveyor.life()
        except BrokerError as error:
            log.warning("%s", error)
            return None
