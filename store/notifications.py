"""PostgreSQL's NOTIFY: an ear on one connection, and a thread that hands what it hears to callbacks."""

from __future__ import annotations

import math
import os
import select
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import ISOLATION_LEVEL_AUTOCOMMIT, connection
from sqlalchemy import make_url

RECONNECT_MIN_S = 0.1
RECONNECT_MAX_S = 2.0
# A peer that vanished without a word is noticed after 10 + 3 * 5 s; otherwise an idle listener would never know.
_CONNECTION = {
    "application_name": "yardmaster-listen",
    "connect_timeout": "5",
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
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
        self._wake_reader, writer = os.pipe()
        self._wake_writer: int | None = writer
        os.set_blocking(self._wake_reader, False)

    def hear(self, timeout_s: float | None) -> list[Notification] | None:
        """Wait until there is something to hear, ``wake`` is called, or the time is over; return what was heard.

        ``None`` says that listening has just (re)started: something may have been notified before that nobody heard.
        While the database is away nothing is heard, and no call lasts longer than ``RECONNECT_MAX_S``.
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
        if self._wake_writer is not None:
            os.write(self._wake_writer, b"x")

    def close(self) -> None:
        """Give the connection back; call once."""
        self._hang_up()
        writer, self._wake_writer = self._wake_writer, None
        for fd in (self._wake_reader, writer):
            if fd is not None:
                os.close(fd)

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
        if self._wake_reader in ready:
            os.read(self._wake_reader, 4096)
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
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)

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
