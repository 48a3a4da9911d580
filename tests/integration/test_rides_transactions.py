"""A transaction that deadlocks is made once more, and is counted."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from store.db import create_engine
from store.rides import ticks
from store.rides.transactions import RideTransactions
from tests.integration.rides_world import CITY, RidesWorld, Together

LOCK = text("SELECT 1 FROM ride_ticks WHERE city = :city FOR UPDATE")


def _lock_both(transactions: RideTransactions, cities: tuple[str, str], meet: threading.Barrier) -> int:
    """Lock two rows, and let another do it the other way round as long as it has not deadlocked."""
    tries = 0

    def work(session: Session) -> None:
        nonlocal tries
        tries += 1
        session.execute(LOCK, {"city": cities[0]})
        if tries == 1:
            meet.wait(10)
        session.execute(LOCK, {"city": cities[1]})

    transactions.run(work)
    return tries


def test_of_two_that_deadlock_one_is_made_again_and_both_succeed(
    engine: Engine, caplog: pytest.LogCaptureFixture
) -> None:
    RidesWorld(engine).execute("INSERT INTO ride_ticks (city) VALUES ('a'), ('b')")
    told: list[int] = []
    transactions = RideTransactions(engine, lambda: told.append(1))
    meet = threading.Barrier(2)

    with Together(2) as together:
        tries = together.run(
            (_lock_both, transactions, ("a", "b"), meet), (_lock_both, transactions, ("b", "a"), meet)
        )

    assert set(tries) == {1, 2}
    assert told == [1]
    [record] = caplog.records
    assert record.getMessage() == "a transaction deadlocked and is made again"
    assert "DeadlockDetected" in str(record.exc_text or record.exc_info)


def test_a_second_deadlock_is_raised(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    told: list[int] = []
    transactions = RideTransactions(engine, lambda: told.append(1))

    with pytest.raises(DBAPIError, match="deadlock"):
        transactions.run(
            lambda session: session.execute(
                text("DO $$ BEGIN RAISE SQLSTATE '40P01' USING MESSAGE = 'deadlock'; END $$")
            )
        )

    assert told == [1, 1]
    assert [record.getMessage() for record in caplog.records] == [
        "a transaction deadlocked and is made again",
        "a transaction deadlocked for the second time and is given up",
    ]


def test_other_errors_are_not_tried_again(engine: Engine) -> None:
    told: list[int] = []
    transactions = RideTransactions(engine, lambda: told.append(1))
    tries = []

    def work(session: Session) -> None:
        tries.append(1)
        session.execute(text("SELECT 1 / 0"))

    with pytest.raises(DBAPIError):
        transactions.run(work)

    assert (len(tries), told) == (1, [])


def test_a_tick_ends_while_passengers_keep_ordering(engine: Engine, database_url: str) -> None:
    world = RidesWorld(engine)
    world.created()
    lease_id, has_ended = world.lease(), threading.Event()
    passengers = create_engine(database_url, 16, "passengers")
    transactions = RideTransactions(passengers)

    def keep_ordering() -> None:
        def order(session: Session) -> None:
            ticks.ensure_tick(session, CITY)
            has_ended.wait(0.02)

        while not has_ended.is_set():
            transactions.run(order)

    with ThreadPoolExecutor(17) as pool:
        ordering = [pool.submit(keep_ordering) for _ in range(16)]
        try:
            pool.submit(world.finish_tick, lease_id).result(20)
        finally:
            has_ended.set()
    passengers.dispose()
    assert all(each.exception() is None for each in ordering)
