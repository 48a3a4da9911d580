"""Whatever fails while drivers are searched for and rides driven: every ride is driven to its end, by one driver."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from adapters.driver_index import RedisDriverIndex, create_index_client
from store.db import sessions
from store.rides.invariants import violations
from tests.faults.platform import Platform, wait_for
from tests.faults.ride_phones import CITY, PRODUCT, Phone, Streets

ROSTER = ("api-1", "api-2", "dispatcher-1", "rides-1", "rides-2", "beat-1")
DRIVERS, PASSENGERS = 8, 32
HEALED_S = 70.0
"""The index is made again every minute; and a little for the job that does it."""


@pytest.fixture
def platform(shared_platform: Platform) -> Iterator[Platform]:
    shared_platform.postgres.start()
    shared_platform.valkey.start()
    shared_platform.muster(*ROSTER)
    yield shared_platform
    # Its connections may be those to a server that was killed.
    shared_platform.engine.dispose()
    with sessions(shared_platform.engine)() as session:
        assert violations(session) == []


def flush(platform: Platform) -> None:
    with platform.redis() as client:
        client.flushall()


def kill_tick_worker(platform: Platform) -> None:
    platform["rides-1"].kill()
    platform.run("rides-1")
    platform["rides-2"].kill()
    platform.run("rides-2")


def freeze_tick_worker(platform: Platform) -> None:
    # For longer than its lease: what it decided before is too late, and another one has taken over.
    platform["rides-1"].freeze()
    time.sleep(16)
    platform["rides-1"].thaw()


def kill_apis(platform: Platform) -> None:
    for name in ("api-1", "api-2"):
        platform[name].kill()
        platform.run(name)


def crash_database(platform: Platform) -> None:
    platform.postgres.kill()
    platform.postgres.start()


def freeze_redis(platform: Platform) -> None:
    os.kill(_valkey(platform), signal.SIGSTOP)
    time.sleep(3)
    os.kill(_valkey(platform), signal.SIGCONT)


def _valkey(platform: Platform) -> int:
    assert platform.valkey.pid is not None
    return platform.valkey.pid


@pytest.mark.parametrize(
    "strike", [flush, kill_tick_worker, freeze_tick_worker, kill_apis, crash_database, freeze_redis]
)
def test_every_ride_is_driven_to_its_end(platform: Platform, strike: Callable[[Platform], None]) -> None:
    streets = Streets(platform, DRIVERS, PASSENGERS)
    streets.open()
    wait_for(lambda: streets.finished() >= 1, "the first ride to be driven")
    assert streets.finished() < PASSENGERS // 2

    strike(platform)

    rides = streets.arrived()
    assert len(set(rides)) == PASSENGERS


def test_api_that_dies_between_its_commit_and_its_word_to_redis_has_nobody_asked_wrongly(platform: Platform) -> None:
    driver, first, second = (Phone(platform, f"{who}-of-a-lost-word") for who in ("driver", "first", "second"))
    index = RedisDriverIndex(create_index_client(platform.valkey.url()))
    driver.become_available()
    driver.push()
    ride_id = first.order()
    wait_for(lambda: driver.offer() is not None, "an offer")
    offer = driver.offer()
    assert offer is not None
    accept = f"/v1/offers/{offer['id']}/accept"
    address = platform.api.addresses[0]

    # Frozen, Redis keeps the API waiting for long enough to be struck after the commit. Killed, it never reads what
    # was sent meanwhile, but comes back with all it had.
    os.kill(_valkey(platform), signal.SIGSTOP)
    with ThreadPoolExecutor(1) as pool:
        lost = pool.submit(driver.ask_once, address, "POST", accept)
        wait_for(lambda: _is_matched(platform, ride_id), "the commit")
        platform["api-1"].kill()
        assert lost.result() is None
    platform.valkey.kill()
    platform.valkey.start()

    assert list(index.supply(CITY, PRODUCT).ids) == ["driver-of-a-lost-word"]
    platform.run("api-1")
    waiting = second.order()
    wait_for(lambda: _push_and_look(driver, index), "the index to be healed", timeout_s=HEALED_S)
    assert _offers_of(platform, waiting) == 0
    answer = driver.ask("POST", accept)
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (200, ride_id, "matched")
    for phone in (first, second):
        assert phone.ask("POST", "/v1/rides/current/cancel").status_code == 200
    driver.leave()


def _is_matched(platform: Platform, ride_id: str) -> bool:
    return _value(platform, f"SELECT status FROM rides WHERE id = '{ride_id}'") == "matched"


def _offers_of(platform: Platform, ride_id: str) -> object:
    return _value(platform, f"SELECT count(*) FROM offers WHERE ride_id = '{ride_id}'")


def _value(platform: Platform, query: str) -> object:
    with platform.engine.connect() as connection:
        return connection.exec_driver_sql(query).scalar_one()


def _push_and_look(driver: Phone, index: RedisDriverIndex) -> bool:
    driver.push()
    return not index.supply(CITY, PRODUCT).ids
