"""Prometheus metrics: what this API's processes did, added up over them, and what the database knows.

The counts are kept by prometheus-client in memory-mapped files, one set per process, when gunicorn's configuration
named a folder for them; in a single process without that folder they are plain numbers.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from domain.rate_limits.model import Decision
from jobs.kinds import KINDS
from store import statistics
from store.jobs import reads
from web.edge_metrics import edge_families
from web.ride_metrics import ride_families

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
# Several scrapers, or an impatient one, cost the database one set of queries in this time.
DATABASE_CACHE_S = 1.0
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0)


class Metrics:
    """This process's counts. ``folder`` is where the counts of all processes meet, if there are several."""

    def __init__(self, sessions: Callable[[], Session], folder: Path | None) -> None:
        self._folder = folder
        self._registry = CollectorRegistry()
        self._database = _DatabaseCollector(sessions)
        self._requests = Counter(
            "http_requests", "Requests answered.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "http_request_seconds",
            "Time from a request's headers to its answer; waiting is part of it.",
            ["route"],
            registry=self._registry,
            buckets=_BUCKETS,
        )
        self._problems = Counter(
            "http_problems", "Refusals and failures by their code.", ["code"], registry=self._registry
        )
        self._deadlocks = Counter(
            "ride_deadlocks",
            "Deadlocks of the API's transactions about rides; the order of their locks leaves no room for any.",
            registry=self._registry,
        )
        self._index_failures = Counter(
            "driver_index_failures",
            "Calls of the driver index that failed, reads of positions among them; it is rebuilt every minute.",
            ["call"],
            registry=self._registry,
        )
        self._decisions = Counter(
            "rate_limit_decisions",
            "Charged submissions; unseen ones were let through because Redis did not answer.",
            ["tier", "outcome"],
            registry=self._registry,
        )
        self._sets_checked = Gauge(
            "content_set_checked_timestamp_seconds",
            "When the process that has waited longest knew last that it serves what is published.",
            ["set"],
            registry=self._registry,
            multiprocess_mode="livemin",
        )
        self._sets_loaded = Gauge(
            "content_set_loaded_timestamp_seconds",
            "When the revision that is served was loaded, by the process that did so first.",
            ["set"],
            registry=self._registry,
            multiprocess_mode="livemin",
        )
        self._set_failures = Counter(
            "content_set_failures",
            "Looks at a content set that failed; what was served before is served on.",
            ["set"],
            registry=self._registry,
        )
        self._viewings_reads = Counter(
            "viewings_reads",
            "Lists of what somebody watched: from the cache (hit), read anew (miss), or read as Redis was away.",
            ["source"],
            registry=self._registry,
        )
        self._waiting = Gauge(
            "http_waiting",
            "Requests and streams that hold a thread to wait.",
            ["what"],
            registry=self._registry,
            multiprocess_mode="livesum",
        )

    def count_request(self, method: str, route: str | None, status: int, seconds: float) -> None:
        """Count one answered request; ``route`` is the rule that matched, never the path, which has no bound."""
        label = route or "unmatched"
        self._requests.labels(method if method in _METHODS else "other", label, status).inc()
        self._seconds.labels(label).observe(seconds)

    def count_problem(self, code: str) -> None:
        """Count one answer that was a problem."""
        self._problems.labels(code).inc()

    def count_deadlock(self) -> None:
        """Count one transaction about rides that deadlocked."""
        self._deadlocks.inc()

    def count_index_failure(self, call: str) -> None:
        """Count one call of the driver index that failed."""
        self._index_failures.labels(call).inc()

    def count_decision(self, tier: str, decision: Decision) -> None:
        """Count one decision of the rate limiter."""
        outcome = "allowed" if decision.is_allowed else "refused"
        self._decisions.labels(tier, outcome if decision.is_enforced else "unseen").inc()

    def note_set(self, name: str, checked_at: datetime, loaded_at: datetime | None) -> None:
        """Note when a content set was last known to be the published one, and when it was loaded."""
        self._sets_checked.labels(name).set(checked_at.timestamp())
        if loaded_at is not None:
            self._sets_loaded.labels(name).set(loaded_at.timestamp())

    def count_set_failure(self, name: str) -> None:
        """Count one look at a content set that failed."""
        self._set_failures.labels(name).inc()

    def count_viewings_read(self, source: str) -> None:
        """Count one list of what somebody watched that was read from ``source``."""
        self._viewings_reads.labels(source).inc()

    def waiting(self, what: str) -> Gauge:
        """Return the gauge of those who wait for ``what``."""
        return self._waiting.labels(what)

    def render(self) -> bytes:
        """Return everything in Prometheus' text format."""
        registry = CollectorRegistry()
        if self._folder is None:
            return generate_latest(self._registry) + self._render_database(registry)
        MultiProcessCollector(registry, str(self._folder))  # type: ignore[no-untyped-call]  # It has no annotations.
        return self._render_database(registry)

    def _render_database(self, registry: CollectorRegistry) -> bytes:
        registry.register(self._database)
        return generate_latest(registry)


class _DatabaseCollector(Collector):
    def __init__(self, sessions: Callable[[], Session]) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._read_at = float("-inf")
        self._families: list[Metric] = []

    def describe(self) -> list[Metric]:
        """Return nothing: registering must not ask the database."""
        return []

    def collect(self) -> Iterator[Metric]:
        with self._lock:
            if time.monotonic() - self._read_at > DATABASE_CACHE_S:
                self._families = self._read()
                self._read_at = time.monotonic()
            families = self._families
        yield from families

    def _read(self) -> list[Metric]:
        is_up = GaugeMetricFamily("database_up", "1 while PostgreSQL answers the API.")
        try:
            with self._sessions() as session:
                families = _families(session)
        except SQLAlchemyError:
            is_up.add_metric([], 0)
            return [is_up]
        is_up.add_metric([], 1)
        return [is_up, *families]


def _families(session: Session) -> list[Metric]:
    return [
        *_queues(session),
        *_finished(session),
        *_workers(session),
        _dead_letters(session),
        CounterMetricFamily(
            "database_deadlocks", "Deadlocks in this database, whoever met with them.", statistics.deadlocks(session)
        ),
        *ride_families(session),
        *edge_families(session),
    ]


def _queues(session: Session) -> list[GaugeMetricFamily]:
    jobs = GaugeMetricFamily("jobs", "Jobs that are not final.", labels=["queue", "state"])
    ages = GaugeMetricFamily(
        "jobs_oldest_age_seconds", "How long the oldest due job has been waiting.", labels=["queue", "state"]
    )
    for count in reads.queue_counts(session):
        jobs.add_metric([count.queue, count.state], count.jobs)
        ages.add_metric([count.queue, count.state], count.oldest_age_s)
    return [jobs, ages]


def _finished(session: Session) -> list[GaugeMetricFamily]:
    labels = ["kind", "state"]
    jobs = GaugeMetricFamily("jobs_finished_last_minute", "Jobs that ended within the last minute.", labels=labels)
    rescues = GaugeMetricFamily("jobs_rescues_last_minute", "Workers that those jobs lost on the way.", labels=labels)
    waits = GaugeMetricFamily(
        "jobs_wait_seconds_p95", "From due to the last start of those jobs, 95th percentile.", labels=labels
    )
    runs = GaugeMetricFamily(
        "jobs_run_seconds_p95", "From start to end of those jobs, 95th percentile.", labels=labels
    )
    for group in statistics.finished_lately(session, list(KINDS)):
        of_group = [group.kind, group.state]
        jobs.add_metric(of_group, group.jobs)
        rescues.add_metric(of_group, group.rescues)
        waits.add_metric(of_group, group.wait_s)
        runs.add_metric(of_group, group.run_s)
    return [jobs, rescues, waits, runs]


def _workers(session: Session) -> list[GaugeMetricFamily]:
    workers = GaugeMetricFamily("workers", "Workers whose heartbeat is fresh.", labels=["queue"])
    slots = GaugeMetricFamily("worker_slots", "Jobs that those workers can run at one time.", labels=["queue"])
    for count in statistics.living_workers(session):
        workers.add_metric([count.queue], count.workers)
        slots.add_metric([count.queue], count.slots)
    return [workers, slots]


def _dead_letters(session: Session) -> GaugeMetricFamily:
    family = GaugeMetricFamily("jobs_dead", "Failed jobs, which can be run again by hand.", labels=["kind"])
    for kind, count in statistics.dead_letters(session).items():
        family.add_metric([kind], count)
    return family
