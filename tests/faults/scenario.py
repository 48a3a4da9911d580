"""One fault from load to verdict: 200 jobs in flight, a strike, the wait until all has settled, the books."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from store.db import sessions
from store.jobs.dispatching import set_paused
from tests.faults.effects import EFFECTS_KIND, Deed
from tests.faults.effects_load import EffectsLoad
from tests.faults.http_load import HttpLoad, watch_jobs
from tests.faults.invariants import (
    Report,
    count_pending,
    count_rescued,
    count_rescued_running,
    count_running,
    inspect,
    now,
    settle,
)
from tests.faults.ledger import Ledger
from tests.faults.platform import Platform, wait_for

IN_FLIGHT = 200
RUNNING = 4
SETTLE_TIMEOUT_S = 90.0


@dataclass(frozen=True, slots=True)
class Measurement:
    """One line of the table that is printed after a run."""

    fault: str
    accepted: int
    in_flight: int
    asked_again: int
    told_busy: int
    settled_s: float
    events: dict[str, int]


class Scenario:
    """The load of one test, and what was seen of it."""

    def __init__(self, platform: Platform, fault: str) -> None:
        self.platform = platform
        self.ledger = Ledger()
        self.in_flight = 0
        self._fault = fault
        self._began_at = now(platform.engine)
        self._loads: list[EffectsLoad | HttpLoad] = []
        self.measurement: Measurement | None = None

    def fill(self, *deeds: Deed) -> None:
        """Submit effects jobs while their queue is paused, so that all of them are in flight when it is resumed."""
        self._pause_queue(is_paused=True)
        load = EffectsLoad(self.platform.engine, self.ledger, deeds)
        load.start()
        wait_for(lambda: not load.is_alive(), "the backlog")
        self._pause_queue(is_paused=False)

    def submit(self, *deeds: Deed, per_second: float) -> None:
        """Submit effects jobs from threads of their own, so many per second."""
        self._start(EffectsLoad(self.platform.engine, self.ledger, deeds, per_second=per_second))

    def post(self, count: int, *, clients: int = 4, per_second: float | None = None, run_s: float = 0.0) -> None:
        """Post code runs from ``clients`` threads; each program sleeps ``run_s`` and prints its number."""
        self._start(
            HttpLoad(self.platform.api, self.ledger, count, clients=clients, per_second=per_second, run_s=run_s)
        )

    def are_victims_running_again(self) -> bool:
        """Tell whether several jobs run that were rescued from a worker."""
        return count_rescued_running(self.platform.engine, self.ledger.promises) >= RUNNING

    def are_victims_rescued(self) -> bool:
        """Tell whether several jobs were rescued from a worker, whether they run again or not."""
        return count_rescued(self.platform.engine, self.ledger.promises) >= RUNNING

    def end(self) -> None:
        """Leave no load to the next test, not even after a failure."""
        for load in self._loads:
            load.stop()

    def is_loading(self) -> bool:
        return any(load.is_alive() for load in self._loads)

    def wait_for_flight(self) -> None:
        """Wait until some jobs run, and make sure that enough others are unfinished."""
        wait_for(self._do_some_run, "jobs to run")
        self.in_flight = count_pending(self.platform.engine, self.ledger.promises)
        assert self.in_flight >= IN_FLIGHT

    def settled(self, timeout_s: float = SETTLE_TIMEOUT_S) -> Report:
        """Wait for the end of the load and of all jobs, and return what came of them.

        Processes that ended are started again meanwhile, as a service manager would.
        """
        wait_for(self._has_loaded, "the load to end", timeout_s=timeout_s)
        settled_s = settle(self.platform.engine, self.ledger, timeout_s, self.platform.revive)
        report = inspect(self.platform.engine, self.ledger, self._began_at)
        if self.platform.names("api"):
            code_runs = [row.id for row in report.rows if self.ledger.promises[row.id].kind == "code_runs"]
            report.broken.extend(watch_jobs(self.platform.api, code_runs))
        self.measurement = Measurement(
            self._fault, len(self.ledger.promises), self.in_flight, self.ledger.retries, self.ledger.busy_answers,
            round(settled_s, 1), dict(report.events()),
        )  # fmt: skip
        return report

    def pause(self, seconds: float, meanwhile: Callable[[], None] = lambda: None) -> None:
        """Let ``seconds`` pass."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            meanwhile()
            time.sleep(0.05)

    def _start(self, load: EffectsLoad | HttpLoad) -> None:
        self._loads.append(load)
        load.start()

    def _has_loaded(self) -> bool:
        self.platform.revive()
        return not self.is_loading()

    def _do_some_run(self) -> bool:
        return count_running(self.platform.engine, self.ledger.promises) >= RUNNING

    def _pause_queue(self, *, is_paused: bool) -> None:
        with sessions(self.platform.engine)() as session:
            set_paused(session, EFFECTS_KIND, is_paused=is_paused)
