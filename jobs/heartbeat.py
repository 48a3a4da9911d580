"""Keep a worker process's jobs its own: one thread renews all leases and learns which jobs must stop.

A job is stopped when its row says that it is no longer ours (cancelled, rescued, released), and also when the
database could not be reached for as long as its lease: somebody else may run it by then.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlalchemy import Engine

from jobs.patience import DATABASE_ERRORS
from store import workers
from store.db import sessions
from store.jobs.channels import STOPPED, parse_stop
from store.jobs.transitions import Holder
from store.notifications import NotificationListener
from store.vital import VitalThread
from store.workers import HeldJob, WorkerRecord

BEAT_S = 5.0
RETRY_S = 1.0
MAX_TOLD = 4096
"""Stops remembered for jobs that may just be on their way from the claim to ``hold``, which takes milliseconds."""

log = logging.getLogger(__name__)


class StopReason(StrEnum):
    """Why a job's work must end before it is done. Only a lost job is certainly no longer ours."""

    LOST = "lost"
    OUT_OF_TOUCH = "out of touch"
    DRAINING = "draining"


@dataclass(slots=True)
class RunningJob:
    """A job that this process runs, and the callbacks that end its work early.

    ``answered_at`` is when the database was asked about it last of the times that it answered.
    """

    holder: Holder
    lease_s: float
    answered_at: float = field(default_factory=time.monotonic)
    stop_reason: StopReason | None = None
    _is_over: bool = False
    _callbacks: list[Callable[[], None]] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def on_stop(self, callback: Callable[[], None]) -> None:
        """Have ``callback`` called when the work must end; at once if it must already."""
        with self._lock:
            if self.stop_reason is None:
                self._callbacks.append(callback)
                return
        callback()

    def stop(self, reason: StopReason) -> None:
        """Call the callbacks, once; after ``close`` it is too late for that and nothing happens."""
        with self._lock:
            if self.stop_reason is not None or self._is_over:
                return
            self.stop_reason = reason
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def close(self) -> None:
        """Say that the handler has returned: its callbacks may no longer be called."""
        with self._lock:
            self._is_over = True
            self._callbacks.clear()


class Heartbeat:
    """The thread, and the jobs that it keeps."""

    def __init__(self, engine: Engine, worker: WorkerRecord, beat_s: float = BEAT_S) -> None:
        self.worker = worker
        self._engine = engine
        self._sessions = sessions(engine)
        self._beat_s = beat_s
        self._held: dict[Holder, RunningJob] = {}
        self._told: OrderedDict[UUID, int] = OrderedDict()
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopping = threading.Event()
        self._accepts = True
        self._listener: NotificationListener | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Register the worker and begin to beat; call once, in the process that runs the jobs."""
        url = self._engine.url.render_as_string(hide_password=False)
        self._listener = NotificationListener(url, (STOPPED,), self._on_stopped, self._wake.set)
        self._thread = VitalThread(self._run, "heartbeat")
        self._thread.start()
        self._listener.start()

    def stop(self) -> None:
        """End the thread and unregister the worker."""
        self._stopping.set()
        self._wake.set()
        if self._listener is not None:
            self._listener.stop()
        if self._thread is not None:
            self._thread.join()
        with suppress(*DATABASE_ERRORS), self._sessions() as session:
            workers.unregister(session, self.worker.id)

    def retire(self) -> None:
        """Unregister the worker while its jobs go on: no more are sent for its slots."""
        self._accepts = False
        with suppress(*DATABASE_ERRORS), self._sessions() as session:
            workers.unregister(session, self.worker.id)

    def hold(self, running: RunningJob) -> None:
        """Renew this job's lease from now on; stop it at once if a stop was heard between its claim and now."""
        with self._lock:
            self._held[running.holder] = running
            is_lost = self._told.get(running.holder.id, 0) > running.holder.epoch
        if is_lost:
            running.stop(StopReason.LOST)

    def let_go(self, running: RunningJob) -> None:
        """Renew this job's lease no more."""
        with self._lock:
            self._held.pop(running.holder, None)

    def held(self) -> list[RunningJob]:
        """Return the jobs that are running now."""
        with self._lock:
            return list(self._held.values())

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.clear()
            pause_s = self._beat_s
            try:
                self._beat()
            except DATABASE_ERRORS as error:
                log.warning("the heartbeat did not reach the database: %s", error)
                pause_s = min(RETRY_S, self._beat_s)
            self._fence()
            self._wake.wait(pause_s)

    def _beat(self) -> None:
        began_at = time.monotonic()
        running = self.held()
        with self._sessions() as session:
            if self._accepts:
                workers.register(session, self.worker)
                if not self._accepts:  # It retired meanwhile, and has just been written in again.
                    workers.unregister(session, self.worker.id)
            if not running:
                return
            held = [HeldJob(job.holder.id, job.holder.epoch, job.lease_s) for job in running]
            ours = workers.renew(session, self.worker.id, held)
        for job in running:
            job.answered_at = began_at
            if job.holder.id not in ours:
                job.stop(StopReason.LOST)

    def _fence(self) -> None:
        now = time.monotonic()
        for job in self.held():
            if now - job.answered_at > job.lease_s:
                job.stop(StopReason.OUT_OF_TOUCH)

    def _on_stopped(self, _channel: str, payload: str) -> None:
        if (told := parse_stop(payload)) is None:
            return
        with self._lock:
            self._told[told.job_id] = max(told.epoch, self._told.pop(told.job_id, 0))
            if len(self._told) > MAX_TOLD:
                self._told.popitem(last=False)
        for job in self.held():
            if job.holder.id == told.job_id and job.holder.epoch < told.epoch:
                job.stop(StopReason.LOST)
