"""What the load was promised: every accepted job with the end that it must come to, and every broken rule."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Promise:
    """An accepted job. ``stdout`` is what a code run must print; ``None`` for other kinds."""

    kind: str
    final_state: str = "succeeded"
    stdout: str | None = None


class Ledger:
    """Kept by many threads at once."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._promises: dict[UUID, Promise] = {}
        self._violations: list[str] = []
        self.retries = 0
        self.busy_answers = 0

    def accept(self, job_id: UUID, promise: Promise) -> None:
        with self._lock:
            known = self._promises.get(job_id)
            if known is not None:
                self._violations.append(f"job {job_id} was accepted twice: {known} and {promise}")
            self._promises[job_id] = promise

    def violate(self, what: str) -> None:
        with self._lock:
            self._violations.append(what)

    def count_retry(self) -> None:
        with self._lock:
            self.retries += 1

    def count_busy_answer(self) -> None:
        with self._lock:
            self.busy_answers += 1

    @property
    def promises(self) -> dict[UUID, Promise]:
        with self._lock:
            return dict(self._promises)

    @property
    def violations(self) -> list[str]:
        with self._lock:
            return list(self._violations)
