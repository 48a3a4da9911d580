"""The door to Celery: job ids go onto the broker by task name, a batch per round trip."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from types import MappingProxyType
from typing import cast
from uuid import UUID, uuid4

from celery import Celery
from kombu import Connection, Producer
from kombu.exceptions import KombuError
from redis import Redis

LIFE = "yardmaster:life"
IMPATIENT: Mapping[str, object] = MappingProxyType(
    {"socket_timeout": 1.0, "socket_connect_timeout": 1.0, "max_retries": 0}
)
"""Options for a conveyor whose user has other things to do: a broker that is frozen holds it up for a second."""


class BrokerError(Exception):
    """The broker could not be reached or did not take what was sent."""


class Conveyor:
    """One connection to the broker, made when it is needed and made anew after an error. For one thread.

    ``options`` are of kombu's transport, and go before those of Celery's settings.
    """

    def __init__(self, celery: Celery, options: Mapping[str, object] = MappingProxyType({})) -> None:
        self._celery = celery
        self._options = dict(options)
        self._origin = f"{os.getpid()}@{socket.gethostname()}"
        self._producer: Producer | None = None
        self._connection: Connection | None = None

    def send(self, kind: str, job_ids: Sequence[UUID]) -> None:
        """Put the ids of jobs of ``kind`` onto its queue, in their order.

        Raises:
            BrokerError: some or all may not have been sent.
        """
        with self._broker_errors():
            _, producer = self._open()
            with producer.batch():  # type: ignore[attr-defined]  # New in kombu 5.7.
                for job_id in job_ids:
                    self._publish(producer, kind, str(job_id))

    def check(self) -> None:
        """Ask the broker for a sign of life.

        Raises:
            BrokerError: it gives none.
        """
        with self._broker_errors():
            connection, _ = self._open()
            _redis(connection).ping()

    def life(self) -> str:
        """Return the name of the broker's present life, which began when it was started or emptied last.

        What was sent in an earlier life is lost. A key that begins with the server's run id holds the name: a
        FLUSHALL takes it away, and a restart makes another id.

        Raises:
            BrokerError: the broker does not answer.
        """
        with self._broker_errors():
            connection, _ = self._open()
            client = _redis(connection)
            run_id = str(client.info("server")["run_id"])
            name = cast("bytes", client.get(LIFE) or b"").decode()
            if not name.startswith(run_id):
                self._declare(connection)
                # Of two who name it at once the first is overruled, and what is healed for its name is healed again.
                name = f"{run_id} {uuid4()}"
                client.set(LIFE, name)
            return name

    def close(self) -> None:
        """Drop the connection; the next use makes another."""
        connection, self._connection, self._producer = self._connection, None, None
        if connection is not None:
            with suppress(*_errors(self._celery)):
                connection.release()

    def _open(self) -> tuple[Connection, Producer]:
        if self._connection is None or self._producer is None:
            # Celery's own pool cannot be trusted here: once closed after an error it stays closed.
            self._connection = self._celery.connection_for_write(transport_options=self._options)
            self._producer = Producer(self._connection, auto_declare=False)
            self._declare(self._connection)
        return self._connection, self._producer

    def _declare(self, connection: Connection) -> None:
        for queue in self._celery.amqp.queues.values():
            queue(connection.default_channel).declare()

    def _publish(self, producer: Producer, kind: str, job_id: str) -> None:
        # What ``send_task`` does in the end, without the half of a millisecond that it takes to get there. The
        # nameless exchange leads to the queue of the routing key, bound or not: a FLUSHALL leaves no binding.
        headers, properties, body, _ = self._celery.amqp.as_task_v2(
            job_id, kind, args=(job_id,), ignore_result=True, origin=self._origin, argsrepr=job_id, kwargsrepr="{}"
        )
        producer.publish(body, exchange="", routing_key=kind, serializer="json", headers=headers, **properties)

    @contextmanager
    def _broker_errors(self) -> Iterator[None]:
        try:
            yield
        except _errors(self._celery) as error:
            self.close()
            raise BrokerError(f"the broker does not answer: {error}") from error


def _errors(celery: Celery) -> tuple[type[BaseException], ...]:
    transport = celery.connection_for_write()
    return (OSError, KombuError, *transport.connection_errors, *transport.channel_errors)


def _redis(connection: Connection) -> Redis:
    """Return the Redis client behind a connection of kombu's."""
    client: Redis = connection.default_channel.client  # type: ignore[attr-defined]
    return client
