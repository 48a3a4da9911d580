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
TICK_WORKERS = ("rides-1", "rides-2")
DRIVERS, PASSENGERS = 8, 32
CAUGHT_S, ARRIVED_S = 30.0, 0.2
"""How long a tick is tried to be caught; the time of a round trip, with plenty to spare."""
FROZEN_S = 3.0
"""Some times as long as anybody waits for Redis."""
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


def kill_tick_workers(platform: Platform) -> None:
    lease = _freeze_in_mid_tick(platform)
    for name in TICK_WORKERS:
        platform[name].kill()
        platform.run(name)
    assert _tick(platform) == lease


def freeze_tick_workers(platform: Platform) -> None:
    # What one of them decided before is too late when they wake: its lease has run out, and another has taken over.
    lease = _freeze_in_mid_tick(platform)
    platform.run("rides-3")
    wait_for(lambda: _tick(platform) != lease, "another worker to take over")
    for name in TICK_WORKERS:
        platform[name].thaw()


def kill_apis(platform: Platform) -> None:
    for name in ("api-1", "api-2"):
        platform[name].kill()
        platform.run(name)


def crash_database(platform: Platform) -> None:
    platform.postgres.kill()
    platform.postgres.start()


def freeze_redis(platform: Platform) -> None:
    os.kill(_valkey(platform), signal.SIGSTOP)
    time.sleep(FROZEN_S)
    os.kill(_valkey(platform), signal.SIGCONT)


def _valkey(platform: Platform) -> int:
    assert platform.valkey.pid is not None
    return platform.valkey.pid


def _freeze_in_mid_tick(platform: Platform) -> object:
    """Freeze the workers while one of them does a tick, and return that tick."""
    deadline = time.monotonic() + CAUGHT_S
    while time.monotonic() < deadline:
        if _tick(platform) is None:
            continue
        for name in TICK_WORKERS:
            platform[name].freeze()
        caught = _tick(platform)
        # What was on its way to the server when they froze has arrived by then.
        time.sleep(ARRIVED_S)
        if caught is not None and _tick(platform) == caught:
            return caught
        for name in TICK_WORKERS:
            platform[name].thaw()
    raise AssertionError(f"no tick was caught within {CAUGHT_S} s")


def _tick(platform: Platform) -> object:
    """Return the lease of the tick that is under way; ``None``: none is."""
    return _value(platform, "SELECT max(lease_id::text) FROM ride_ticks")


@pytest.mark.parametrize(
    "strike", [flush, kill_tick_workers, freeze_tick_workers, kill_apis, crash_database, freeze_redis]
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
    # That nobody has to ask for it is shown where Redis was flushed; here it need not be waited for.
    _bring_healing_forward(platform)
    waiting = second.order()
    wait_for(lambda: _push_and_look(driver, index), "the index to be healed", timeout_s=HEALED_S)
    assert _offers_of(platform, waiting) == 0
    answer = driver.ask("POST", accept)
    assert (answer.status_code, answer.json()["id"], answer.json()["status"]) == (200, ride_id, "matched")
    for phone in (first, second):
        assert phone.ask("POST", "/v1/rides/current/cancel").status_code == 200
    driver.leave()


def _bring_healing_forward(platform: Platform) -> None:
    with platform.engine.connect() as connection:
        connection.exec_driver_sql("UPDATE schedules SET next_at = now() WHERE name = 'rides_heal'")


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
