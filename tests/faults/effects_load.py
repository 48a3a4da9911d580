"""Submitters of the countable kind: they hold an accepted id only once the database has said so."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Sequence
from uuid import uuid4

from sqlalchemy import Engine
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from jobs import submit
from store.db import sessions
from tests.faults.effects import EFFECTS, EFFECTS_KIND, Deed
from tests.faults.ledger import Ledger, Promise

KINDS = {EFFECTS_KIND: EFFECTS}
GIVE_UP_S = 90.0


class EffectsLoad:
    """``submitters`` threads that submit ``deeds``, ``per_second`` of them altogether (``None``: at once)."""

    def __init__(
        self, engine: Engine, ledger: Ledger, deeds: Sequence[Deed], *, submitters: int = 4,
        per_second: float | None = None,
    ) -> None:  # fmt: skip
        self._sessions = sessions(engine)
        self._ledger = ledger
        self._deeds: Iterator[Deed] = iter(deeds)
        self._pause_s = submitters / per_second if per_second else 0.0
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(submitters)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Submit no more, and wait for the requests that are under way."""
        with self._lock:
            self._deeds = iter(())
        for thread in self._threads:
            thread.join()

    def is_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        while (deed := self._next()) is not None:
            self._submit_until_accepted(deed)
            time.sleep(self._pause_s)

    def _next(self) -> Deed | None:
        with self._lock:
            return next(self._deeds, None)

    def _submit_until_accepted(self, deed: Deed) -> None:
        new_job = deed.as_job()
        once = submit.Idempotency(str(uuid4()), submit.fingerprint(new_job.payload))
        give_up_at = time.monotonic() + GIVE_UP_S
        while time.monotonic() < give_up_at:
            try:
                with self._sessions() as session:
                    accepted = submit.submit(session, new_job, once, KINDS)
            except (OperationalError, InterfaceError, PoolTimeoutError):
                self._ledger.count_retry()
                time.sleep(0.05)
                continue
            self._ledger.accept(accepted.job.id, Promise(EFFECTS_KIND, "failed" if deed.is_poison else "succeeded"))
            return
        self._ledger.violate(f"an effects job was not accepted within {GIVE_UP_S} s")
