"""PostgreSQL's NOTIFY, heard by one connection per process and handed to callbacks."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable, Sequence

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


class NotificationListener:
    """A thread that LISTENs on ``channels`` for as long as it is not stopped, whatever happens to the database.

    ``on_notification(channel, payload)`` is called for each notification. ``on_gap()`` is called when listening
    (re)starts: something may have been notified before that nobody heard, so whoever waits must look again. Both
    are called from the listener's thread and must return soon.
    """

    def __init__(
        self,
        url: str,
        channels: Sequence[str],
        on_notification: Callable[[str, str], None],
        on_gap: Callable[[], None],
    ) -> None:
        self._dsn = (
            make_url(url)
            .set(drivername="postgresql")
            .update_query_dict(_CONNECTION)
            .render_as_string(hide_password=False)
        )
        self._channels = tuple(channels)
        self._on_notification = on_notification
        self._on_gap = on_gap
        self._stopping = threading.Event()
        self._wake_reader, self._wake_writer = os.pipe()
        self._thread = threading.Thread(target=self._run, name="notifications", daemon=True)

    def start(self) -> None:
        """Begin to listen; call once."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread and its connection; call once."""
        self._stopping.set()
        os.write(self._wake_writer, b"x")
        self._thread.join()
        os.close(self._wake_reader)
        os.close(self._wake_writer)

    def _run(self) -> None:
        delay_s = RECONNECT_MIN_S
        while not self._stopping.is_set():
            try:
                opened = self._connect()
                delay_s = RECONNECT_MIN_S
                self._listen(opened)
            except psycopg2.Error:
                self._stopping.wait(delay_s)
                delay_s = min(2 * delay_s, RECONNECT_MAX_S)

    def _connect(self) -> connection:
        opened: connection = psycopg2.connect(self._dsn)
        opened.set_isolation_level(ISOLATION_LEVEL_AUTOCOMMIT)
        with opened.cursor() as cursor:
            for channel in self._channels:
                cursor.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
        return opened

    def _listen(self, opened: connection) -> None:
        poller = select.poll()
        poller.register(opened.fileno(), select.POLLIN)
        poller.register(self._wake_reader, select.POLLIN)
        try:
            self._on_gap()
            while not self._stopping.is_set():
                poller.poll()
                opened.poll()
                while opened.notifies:
                    notify = opened.notifies.pop(0)
                    self._on_notification(notify.channel, notify.payload)
        finally:
            opened.close()
