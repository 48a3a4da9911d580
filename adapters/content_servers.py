"""Reports of what servers serve, in Redis: a value for each process and set that lives as long as it is renewed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import cast

import redis

from domain.content.servers import ServersUnknownError, SetReport

TTL_S = 120
KEEP_S = 3600
"""So long the index has a process that reports no more; much longer than servers' clocks are apart."""
# The braces keep everything on one node of a Redis Cluster.
_PREFIX = "{content_servers}"
_INDEX = f"{_PREFIX}:seen"


class RedisContentServers:
    """``ContentServers`` in Redis; safe for many threads and processes."""

    def __init__(self, client: redis.Redis, ttl_s: int = TTL_S) -> None:
        self._client = client
        self._ttl_s = ttl_s

    def report(self, reports: Sequence[SetReport]) -> None:
        """Say what this process serves."""
        now = time.time()
        with self._client.pipeline(transaction=False) as pipeline:
            for report in reports:
                pipeline.set(key := _key(report), _to_json(report), ex=self._ttl_s)
                pipeline.zadd(_INDEX, {key: now})
            # Whoever reports clears up: every process that was ever started would stay here otherwise.
            pipeline.zremrangebyscore(_INDEX, "-inf", now - KEEP_S)
            try:
                pipeline.execute()
            except redis.RedisError:
                return  # The next report is due soon.

    def list(self) -> list[SetReport]:
        """Return what was reported lately."""
        try:
            keys = cast("list[bytes]", self._client.zrange(_INDEX, 0, -1))
            values = cast("list[bytes | None]", self._client.mget(keys)) if keys else []
        except redis.RedisError as error:
            raise ServersUnknownError(f"Redis does not answer: {error}") from error
        return sorted(_parsed(values), key=lambda report: (report.server, report.process, report.set))

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _key(report: SetReport) -> str:
    return f"{_PREFIX}:{report.server}:{report.process}:{report.set}"


def _to_json(report: SetReport) -> str:
    return json.dumps(asdict(report), default=datetime.isoformat)


def _parsed(values: Iterable[bytes | None]) -> Iterable[SetReport]:
    for value in values:
        if value is not None:
            fields = json.loads(value)
            yield SetReport(**fields | {name: _moment(fields[name]) for name in ("loaded_at", "checked_at")})


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
