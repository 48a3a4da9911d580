"""PostgreSQL's NOTIFY: an ear on one connection, and a thread that hands what it hears to callbacks."""

from __future__ import annotations

import math
import select
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from sqlalchemy import make_url

from store.vital import VitalThread

RECONNECT_MIN_S = 0.1
RECONNECT_MAX_S = 2.0
# A peer that vanished without a word is noticed after 10 + 3 * 5 s; otherwise an idle listener would never know.
_CONNECTION = {
    "application_name": "yardmaster-listen",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "15000",
    "options": "-cstatement_timeout=5s",
}


@dataclass(frozen=True, slots=True)
class Notification:
    """What was heard."""

    channel: str
    payload: str


class Ear:
    """A connection that LISTENs on ``channels``, made when it is needed and made anew whatever happens to it.

    One thread calls ``hear`` and, in the end, ``close``; ``wake`` is for the others.
    """

    def __init__(self, url: str, channels: Sequence[str]) -> None:
        self._dsn = (
            make_url(url)
            .set(drivername="postgresql")
            .update_query_dict(_CONNECTION)
            .render_as_string(hide_password=False)
        )
        self._channels = tuple(channels)
        self._opened: connection | None = None
        self._delay_s = RECONNECT_MIN_S
        # Sockets rather than a pipe: one that was closed is known to be, whoever has got its number since.
        self._wake_reader, self._wake_writer = socket.socketpair()

    def hear(self, timeout_s: float | None) -> list[Notification] | None:
        """Wait until there is something to hear, ``wake`` is called, or the time is over; return what was heard.

        ``None`` says that listening has just (re)started: something may have been notified before that nobody heard.
        While the database is away nothing is heard, and a call may last some seconds, whatever ``timeout_s`` says.
        """
        try:
            if self._opened is None:
                self._opened = self._connect()
                self._delay_s = RECONNECT_MIN_S
                return None
            if self._is_told(self._opened.fileno(), timeout_s):
                self._opened.poll()
            return self._take(self._opened)
        except psycopg2.Error:
            self._hang_up()
            self._is_told(None, self._delay_s if timeout_s is None else min(self._delay_s, timeout_s))
            self._delay_s = min(2 * self._delay_s, RECONNECT_MAX_S)
            return []

    def wake(self) -> None:
        """Have the present or the next ``hear`` return; from any thread or a signal handler, also after ``close``."""
        with suppress(OSError):
            self._wake_writer.send(b"x", socket.MSG_DONTWAIT)

    def close(self) -> None:
        """Give the connection back; call once."""
        self._hang_up()
        self._wake_reader.close()
        self._wake_writer.close()

    def _connect(self) -> connection:
        opened: connection = psycopg2.connect(self._dsn)
        opened.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with opened.cursor() as cursor:
            for channel in self._channels:
                cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        return opened

    def _is_told(self, fileno: int | None, timeout_s: float | None) -> bool:
        """Wait for the connection or a wake-up, and tell whether the connection has something to read."""
        poller = select.poll()
        poller.register(self._wake_reader, select.POLLIN)
        if fileno is not None:
            poller.register(fileno, select.POLLIN)
        ready = dict(poller.poll(None if timeout_s is None else math.ceil(1000 * timeout_s)))
        if self._wake_reader.fileno() in ready:
            self._wake_reader.recv(4096)
        return fileno in ready

    def _take(self, opened: connection) -> list[Notification]:
        heard = [Notification(notify.channel, notify.payload) for notify in opened.notifies]
        opened.notifies.clear()
        return heard

    def _hang_up(self) -> None:
        opened, self._opened = self._opened, None
        if opened is not None:
            opened.close()


class NotificationListener:
    """A thread that listens on ``channels`` for as long as it is not stopped.

    ``on_notification(channel, payload)`` is called for each notification, and ``on_gap()`` when listening (re)starts:
    whoever waits must look again then. Both are called from the listener's thread and must return soon.
    """

    def __init__(
        self,
        url: str,
        channels: Sequence[str],
        on_notification: Callable[[str, str], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._ear = Ear(url, channels)
        self._on_notification = on_notification
        self._on_gap = on_gap
        self._stopping = threading.Event()
        self._thread = VitalThread(self._run, "notifications")

    def start(self) -> None:
        """Begin to listen; call once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and its connection; call once."""
        self._stopping.set()
        self._ear.wake()
        self._thread.join()
        self._ear.close()

    def _run(self) -> None:
        while not self._stopping.is_set():
            heard = self._ear.hear(None)
            if heard is None:
                self._on_gap()
                continue
            for notification in heard:
                self._on_notification(notification.channel, notification.payload)
