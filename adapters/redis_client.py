"""Clients of Redis that give up soon: what is asked of it here can be done without for a while."""

from __future__ import annotations

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry


def create_redis_client(url: str, timeout_s: float) -> redis.Redis:
    """Return a client that waits for ``timeout_s`` at most, and does not try again behind anybody's back."""
    return redis.Redis.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, retry=Retry(NoBackoff(), 0)
    )
