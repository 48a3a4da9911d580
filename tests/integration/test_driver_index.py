"""What a driver index in Redis does beyond the contract: many drivers, races, and servers that fail."""

import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import redis
from redis.crc import key_slot

from adapters.circuit import Circuit
from adapters.driver_index import RedisDriverIndex, create_index_client
from cli.stack.servers import ValkeyServer
from domain.rides.model import Place
from domain.rides.ports import AvailableDriver, DriverIndexError
from tests.integration.drivers import CITY, METRES_PER_DEGREE, SQUARE, Clock, east, fix_at, nearest

MANY = 100_000
# Redis' own sphere, and how far a place may be moved by being kept as a geohash of 52 bits.
REDIS_EARTH_RADIUS_M = 6_372_797.560856
GEOHASH_ERROR_M = 0.5


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def client(redis_url):
    client = create_index_client(redis_url)
    yield client
    client.close()


@pytest.fixture
def index(client, clock):
    return RedisDriverIndex(client, clock=clock)


@pytest.fixture
def own_valkey(tmp_path):
    server = ValkeyServer(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


def cars(driver_ids):
    return [AvailableDriver(driver_id, "car") for driver_id in driver_ids]


def scattered(count, seed=7):
    """Return places in a square of 30 km, most of them in a few hot spots."""
    random = np.random.default_rng(seed)
    hot_spots = random.uniform(-12_000, 12_000, (12, 2))
    metres = random.uniform(-15_000, 15_000, (count, 2))
    is_hot = random.random(count) < 0.6
    metres[is_hot] = hot_spots[random.integers(0, 12, is_hot.sum())] + random.normal(0, 900, (is_hot.sum(), 2))
    latitudes = SQUARE.latitude + metres[:, 1] / METRES_PER_DEGREE
    longitudes = SQUARE.longitude + metres[:, 0] / METRES_PER_DEGREE / np.cos(np.radians(SQUARE.latitude))
    return latitudes, longitudes


def distances_m(latitudes, longitudes, place):
    one, other = np.radians(latitudes), np.radians(place.latitude)
    half = np.sin((one - other) / 2) ** 2
    half += np.cos(one) * np.cos(other) * np.sin(np.radians(longitudes - place.longitude) / 2) ** 2
    return 2 * REDIS_EARTH_RADIUS_M * np.arcsin(np.sqrt(half))


def test_among_100_000_drivers_the_nearest_are_those_of_an_exhaustive_search(index, clock):
    latitudes, longitudes = scattered(MANY)
    ids = np.array([f"driver-{number}" for number in range(MANY)])
    places = [Place(*pair) for pair in zip(latitudes.tolist(), longitudes.tolist(), strict=True)]
    index.rebuild(CITY, cars(ids.tolist()))
    index.push(CITY, [fix_at(*each) for each in zip(ids.tolist(), [clock()] * MANY, places, strict=True)])

    supply = index.supply(CITY, "car")
    found = {place: nearest(index, "car", place, 10) for place in [*places[:100], SQUARE, east(17_000)]}

    assert sorted(supply.ids) == sorted(ids)
    order = np.argsort(np.array(supply.ids))
    expected = np.argsort(ids)
    moved = METRES_PER_DEGREE * np.hypot(
        supply.latitudes[order] - latitudes[expected],
        (supply.longitudes[order] - longitudes[expected]) * np.cos(np.radians(SQUARE.latitude)),
    )
    assert moved.max() < GEOHASH_ERROR_M
    for place, pairs in found.items():
        distances = distances_m(supply.latitudes, supply.longitudes, place)
        best = np.argsort(distances)[:10]
        best = best[distances[best] <= 5000]
        # Redis tells distances to a tenth of a millimetre, so the order of equals is its own.
        assert [metres for _, metres in pairs] == pytest.approx(distances[best], abs=1e-3)
        assert {driver_id for driver_id, _ in pairs} == {supply.ids[row] for row in best}


def test_thousands_of_stale_drivers_leave_before_the_first_reader_reads(index, clock, client):
    ids = [f"driver-{number}" for number in range(2600)]
    index.rebuild(CITY, cars(ids))
    index.push(CITY, [fix_at(driver_id, clock()) for driver_id in ids])
    clock.now_s += 61
    index.push(CITY, [fix_at("driver-7", clock(), east(4000))])

    found = nearest(index, "car", SQUARE, 10)

    assert [driver_id for driver_id, _ in found] == ["driver-7"]
    assert client.zcard(f"rides:{{{CITY}}}:available:car") == client.zcard(f"rides:{{{CITY}}}:seen") == 1


def test_the_keys_of_a_city_are_on_one_node_of_a_cluster(index, clock, client):
    index.set_available(CITY, AvailableDriver("ann", "car"))
    index.push(CITY, [fix_at("ann", clock())])

    assert {key_slot(key) for key in client.keys("*")} == {key_slot(b"demo")}


def test_what_a_rebuild_remembered_is_forgotten_by_the_next(index, client):
    for number in range(50):
        index.set_unavailable(CITY, f"driver-{number}")

    index.rebuild(CITY, [])
    index.rebuild(CITY, [])

    assert client.zcard(f"rides:{{{CITY}}}:changed") <= 3


@pytest.mark.parametrize("round_", range(100))
def test_pushes_that_race_with_unavailable_make_no_candidate(index, clock, round_):
    index.set_available(CITY, AvailableDriver("ann", "car"))
    barrier = threading.Barrier(3)

    def push(first):
        barrier.wait()
        for step in range(first, 20, 2):
            index.push(CITY, [fix_at("ann", clock() - 20 + step)])

    def leave():
        barrier.wait()
        index.set_unavailable(CITY, "ann")

    run_together([lambda: push(0), lambda: push(1), leave])

    assert nearest(index, "car", SQUARE, 1) == []
    assert list(index.supply(CITY, "car").ids) == []
    assert index.last_positions(CITY, ["ann"])["ann"].at.timestamp() == clock() - 1


def test_pushes_and_changes_during_a_rebuild_are_not_lost(index, clock):
    ids = [f"driver-{number}" for number in range(3000)]
    index.rebuild(CITY, cars(ids))
    index.push(CITY, [fix_at(driver_id, clock() - 30) for driver_id in ids])
    leaving, coming = ids[:300], [f"new-{number}" for number in range(300)]
    barrier = threading.Barrier(3)

    def rebuild():
        barrier.wait()
        index.rebuild(CITY, cars(ids), mark)

    def push():
        barrier.wait()
        for first in range(0, len(ids), 100):
            index.push(CITY, [fix_at(driver_id, clock(), east(200)) for driver_id in ids[first : first + 100]])

    def change():
        barrier.wait()
        for leaver, comer in zip(leaving, coming, strict=True):
            index.set_unavailable(CITY, leaver)
            index.set_available(CITY, AvailableDriver(comer, "car"))
            index.push(CITY, [fix_at(comer, clock())])

    mark = index.mark(CITY)
    run_together([rebuild, push, change])

    supply = index.supply(CITY, "car")
    assert sorted(supply.ids) == sorted([*ids[300:], *coming])
    stayed = [row for row, driver_id in enumerate(supply.ids) if not driver_id.startswith("new-")]
    assert supply.longitudes[stayed] == pytest.approx(east(200).longitude, abs=1e-5)


def test_the_newest_of_racing_fixes_stays(index, clock):
    barrier = threading.Barrier(4)

    def push(first):
        barrier.wait()
        for step in range(first, 400, 4):
            index.push(CITY, [fix_at("ann", clock() - 400 + step, east(step))])

    run_together([lambda first=first: push(first) for first in range(4)])

    assert index.last_positions(CITY, ["ann"])["ann"] == fix_at("ann", clock() - 1, east(399)).fix


def test_a_flushed_index_says_nothing_wrong_and_heals_by_a_rebuild_and_pushes(index, clock, client):
    index.rebuild(CITY, cars(["ann", "bob"]))
    index.push(CITY, [fix_at("ann", clock()), fix_at("bob", clock())])
    client.flushall()
    flushed = nearest(index, "car", SQUARE, 10)
    index.push(CITY, [fix_at("ann", clock() + 1)])
    not_rebuilt = nearest(index, "car", SQUARE, 10)

    index.rebuild(CITY, cars(["ann", "bob"]))
    rebuilt = nearest(index, "car", SQUARE, 10)
    index.push(CITY, [fix_at("bob", clock() + 1)])

    assert (flushed, not_rebuilt) == ([], [])
    assert [driver_id for driver_id, _ in rebuilt] == ["ann"]
    assert sorted(driver_id for driver_id, _ in nearest(index, "car", SQUARE, 10)) == ["ann", "bob"]


def test_a_flush_while_the_index_is_made_again_is_healed_and_whoever_changed_since_stays_so(index, clock, client):
    for number in range(50):
        index.set_available(CITY, AvailableDriver(f"driver-{number}", "car"))
    mark = index.mark(CITY)

    client.flushall()
    index.set_unavailable(CITY, "ann")
    index.rebuild(CITY, cars(["ann", "bob", "cid"]), mark)
    told = [
        index.set_unavailable(CITY, "bob", index.mark(CITY)),
        index.set_available(CITY, AvailableDriver("dan", "car"), index.mark(CITY)),
    ]
    index.push(CITY, [fix_at(driver_id, clock()) for driver_id in ("ann", "bob", "cid", "dan")])
    after = sorted(index.supply(CITY, "car").ids)
    index.rebuild(CITY, cars(["ann", "bob"]))

    assert told == [True, True]
    assert after == ["cid", "dan"]
    assert sorted(index.supply(CITY, "car").ids) == ["ann", "bob"]


def test_a_flush_in_the_middle_of_everything_is_survived(index, clock, client):
    ids = [f"driver-{number}" for number in range(500)]
    barrier = threading.Barrier(4)

    def repeat(action):
        barrier.wait()
        for round_ in range(20):
            action(round_)

    run_together(
        [
            lambda: repeat(lambda _: index.rebuild(CITY, cars(ids))),
            lambda: repeat(lambda step: index.push(CITY, [fix_at(each, clock() - 20 + step) for each in ids])),
            lambda: repeat(lambda _: (index.supply(CITY, "car"), nearest(index, "car", SQUARE, 10))),
            lambda: repeat(lambda _: client.flushall()),
        ]
    )
    index.rebuild(CITY, cars(ids))
    index.push(CITY, [fix_at(driver_id, clock()) for driver_id in ids])

    assert sorted(index.supply(CITY, "car").ids) == sorted(ids)


def test_an_absent_server_is_an_error_of_the_index_whatever_is_asked(clock):
    client = create_index_client("redis://127.0.0.1:1/0")
    calls = [
        lambda index: index.push(CITY, [fix_at("ann", clock())]),
        lambda index: index.set_available(CITY, AvailableDriver("ann", "car")),
        lambda index: index.set_unavailable(CITY, "ann"),
        lambda index: nearest(index, "car", SQUARE, 1),
        lambda index: index.supply(CITY, "car"),
        lambda index: index.findable(CITY),
        lambda index: index.last_positions(CITY, ["ann"]),
        lambda index: index.mark(CITY),
        lambda index: index.knows_since(CITY),
        lambda index: index.rebuild(CITY, cars(["ann"])),
    ]

    for call in calls:
        with pytest.raises(DriverIndexError):
            call(RedisDriverIndex(client))


def test_what_the_server_refuses_for_one_city_does_not_hold_off_another(index, clock, client):
    client.set("rides:{broken}:last", "no hash")
    with pytest.raises(DriverIndexError):
        index.push("broken", [fix_at("ann", clock())])

    assert index.push(CITY, [fix_at("ann", clock())]) == [True]


def test_a_frozen_server_is_asked_once_and_again_after_the_circuit_was_open(own_valkey, clock):
    client = create_index_client(own_valkey.url())
    index = RedisDriverIndex(client, clock=clock, circuit=Circuit(1, 1.0, clock))
    os.kill(own_valkey.pid, signal.SIGSTOP)
    with pytest.raises(DriverIndexError) as timed_out:
        index.push(CITY, [fix_at("ann", clock())])
    os.kill(own_valkey.pid, signal.SIGCONT)

    with pytest.raises(DriverIndexError) as held_off:
        index.push(CITY, [fix_at("ann", clock())])
    clock.now_s += 1
    accepted = index.push(CITY, [fix_at("ann", clock())])

    assert isinstance(timed_out.value.__cause__, redis.TimeoutError)
    assert held_off.value.__cause__ is None
    assert accepted == [True]
    client.close()


def test_the_log_is_told_once_that_the_server_went_and_once_that_it_is_back(own_valkey, clock, caplog):
    client = create_index_client(own_valkey.url())
    index = RedisDriverIndex(client, clock=clock, circuit=Circuit(1, 1.0, clock))
    own_valkey.stop()
    for _ in range(3):
        for _ in range(50):
            with pytest.raises(DriverIndexError):
                index.last_positions(CITY, ["ann"])
        clock.now_s += 1
    while_away = [record.levelname for record in caplog.records]

    own_valkey.start()
    for _ in range(50):
        index.push(CITY, [fix_at("ann", clock())])

    assert while_away == ["WARNING"]
    assert [record.getMessage()[:25] for record in caplog.records] == [
        "the driver index does not",
        "the driver index works ag",
    ]
    client.close()


def test_a_restarted_server_that_knows_no_scripts_is_asked_all_the_same(own_valkey, clock):
    client = create_index_client(own_valkey.url())
    index = RedisDriverIndex(client, clock=clock)
    index.set_available(CITY, AvailableDriver("ann", "car"))
    index.push(CITY, [fix_at("ann", clock())])

    own_valkey.restart()

    assert [driver_id for driver_id, _ in nearest(index, "car", SQUARE, 1)] == ["ann"]
    client.close()


def run_together(actions):
    with ThreadPoolExecutor(len(actions)) as pool:
        for future in [pool.submit(action) for action in actions]:
            future.result()
