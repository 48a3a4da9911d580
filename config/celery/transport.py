"""kombu's transport for Redis, with one client per channel.

kombu 5.7 builds a new client of redis-py for each acknowledgement and each delivery, which takes longer than the
command itself: a sixth of all that a worker did for short jobs.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kombu.transport import redis as stock
from redis import Redis


class Channel(stock.Channel):
    """A channel that keeps its client for as long as it keeps its pool of connections."""

    _kept: Redis | None = None

    @contextmanager
    def conn_or_acquire(self, client: Redis | None = None) -> Iterator[Redis]:
        """Yield ``client``, or the channel's own; redis-py's clients are for any number of threads."""
        kept = client or self._kept
        if kept is None or (client is None and kept.connection_pool is not self.pool):
            with super().conn_or_acquire() as kept:
                self._kept = kept
        yield kept


class Transport(stock.Transport):
    """kombu's transport with these channels."""

    Channel = Channel
