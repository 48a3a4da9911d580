"""An ear on PostgreSQL's notifications: nothing is lost unnoticed, whatever happens to its connection."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import psycopg2
import pytest

from store.notifications import Ear, Notification


@pytest.fixture
def ear(database_url: str) -> Iterator[Ear]:
    made = Ear(database_url, ("news",))
    yield made
    made.close()


def _execute(url: str, statement: str) -> None:
    connection = psycopg2.connect(url)
    connection.autocommit = True
    connection.cursor().execute(statement)
    connection.close()


def test_what_is_notified_after_the_first_hearing_is_heard_in_its_order(ear: Ear, database_url: str) -> None:
    beginning = ear.hear(0)

    _execute(database_url, "SELECT pg_notify('news', 'a'), pg_notify('other', 'b'), pg_notify('news', 'c')")

    assert beginning is None
    assert ear.hear(60) == [Notification("news", "a"), Notification("news", "c")]


def test_a_connection_that_the_server_ends_is_made_anew_and_the_gap_is_told(ear: Ear, database_url: str) -> None:
    ear.hear(0)

    _execute(
        database_url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yardmaster-listen'",
    )

    heard: list[Notification] | None = []
    while heard == []:
        heard = ear.hear(60)
    assert heard is None


def test_a_hearing_ends_when_another_thread_wakes_it(ear: Ear) -> None:
    ear.hear(0)

    threading.Timer(0.01, ear.wake).start()

    assert ear.hear(60) == []


def test_waking_an_ear_that_was_closed_does_nothing(database_url: str) -> None:
    ear = Ear(database_url, ("news",))

    ear.close()

    ear.wake()
