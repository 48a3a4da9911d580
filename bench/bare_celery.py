"""The yardstick for jobs: a Celery task that does one Redis command, with Celery's own settings.

The effect is an ``RPUSH`` that the driver waits for with ``BLPOP``, so that enqueue-to-effect needs no polling and no
result backend.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

from celery import Celery
from redis import Redis

SLOTS = 4
"""Of the one worker process on either side."""
_EFFECTS = "bare:effects"

app = Celery("bare", broker=os.environ.get("BARE_CELERY_BROKER"))
app.conf.update(task_ignore_result=True, broker_connection_retry_on_startup=True)


@app.task(name="bare.noop")
def noop(number: int) -> None:
    """Leave the effect."""
    _effects().rpush(_EFFECTS, number)


class BareCelery:
    """Enqueues no-op tasks and waits for their effects."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    def round_trip_seconds(self) -> float:
        """Return the time from enqueuing one task to its effect."""
        began = time.perf_counter()
        noop.delay(0)
        self._wait_for_effects(1)
        return time.perf_counter() - began

    def drain_seconds(self, tasks: int) -> float:
        """Return the time from the first enqueuing to the last effect of ``tasks`` tasks."""
        began = time.perf_counter()
        for number in range(tasks):
            noop.delay(number)
        self._wait_for_effects(tasks)
        return time.perf_counter() - began

    def _wait_for_effects(self, count: int) -> None:
        for _ in range(count):
            if self._redis.blpop([_EFFECTS], timeout=30) is None:
                raise TimeoutError("the bare Celery worker left no effect within 30 s")


@contextmanager
def bare_celery(redis_url: str, pool: str) -> Iterator[BareCelery]:
    """Run one worker process (``pool`` as Celery's ``-P``) on ``redis_url``."""
    app.conf.update(broker_url=redis_url)
    environ = {**os.environ, "BARE_CELERY_BROKER": redis_url}
    command = [
        sys.executable,
        "-m",
        "celery",
        "-A",
        "bench.bare_celery",
        "worker",
        "-P",
        pool,
        "-c",
        str(SLOTS),
        "-l",
        "error",
    ]
    command += ["--without-gossip", "--without-mingle", "--without-heartbeat"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as worker:
        try:
            bare = BareCelery(Redis.from_url(redis_url))
            for _ in range(20):
                bare.round_trip_seconds()
            yield bare
        finally:
            worker.terminate()


def _effects() -> Redis:
    global _redis  # noqa: PLW0603 - one connection per worker process, opened after the fork
    if _redis is None:
        _redis = Redis.from_url(str(app.conf.broker_url))
    return _redis


_redis: Redis | None = None
