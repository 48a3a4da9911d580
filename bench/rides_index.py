"""The driver index against bare Redis: one ride's candidates, and position pushes, with 100,000 drivers in a city."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import eq
from pathlib import Path
from typing import cast

import numpy as np
import redis

from adapters.driver_index import RedisDriverIndex, create_index_client
from bench.figures import Figure
from cli.stack.servers import ValkeyServer
from domain.rides.model import Fix, Place
from domain.rides.ports import AvailableDriver, DriverFix, NearestQuery

DRIVERS = 100_000
ROUND = 60
NEAREST = 10
RADIUS_M = 3000.0
ROUNDS = 5
# Fixes of one call on our side, commands of one pipeline on the other.
BATCH = 1000

CITY, PRODUCT = "bench", "car"
CENTRE = Place(49.9456, 11.5713)
SIDE_M = 30_000.0
HOT_SPOTS = 12
SHARE_IN_HOT_SPOTS = 0.6
HOT_SPOT_M = 900.0
BARE_KEY = "bare"
# The index's clock stands still, so that nobody grows stale however slow the machine is.
NOW = datetime(2026, 1, 1, tzinfo=UTC)


def measure() -> Sequence[Figure]:
    """Put 100,000 available drivers into a Valkey of its own and measure all figures."""
    with tempfile.TemporaryDirectory(prefix="yardmaster-bench-") as folder:
        valkey = ValkeyServer(Path(folder) / "valkey", is_durable=False)
        valkey.start()
        client = create_index_client(valkey.url())
        try:
            index = RedisDriverIndex(client, max_radius_m=RADIUS_M, clock=NOW.timestamp)
            places = scattered(DRIVERS)
            index.rebuild(CITY, [AvailableDriver(_name(number), PRODUCT) for number in range(DRIVERS)])
            return [_pushes(index, client, places), *_candidates(index, client, places)]
        finally:
            client.close()
            valkey.stop()


def scattered(count: int) -> list[Place]:
    """Return the same places each time: in a square of 30 km, most of them in a few hot spots."""
    random = np.random.default_rng(2026)
    hot_spots = random.uniform(-SIDE_M / 2.5, SIDE_M / 2.5, (HOT_SPOTS, 2))
    metres = random.uniform(-SIDE_M / 2, SIDE_M / 2, (count, 2))
    is_hot = random.random(count) < SHARE_IN_HOT_SPOTS
    which = random.integers(0, HOT_SPOTS, is_hot.sum())
    metres[is_hot] = hot_spots[which] + random.normal(0, HOT_SPOT_M, (is_hot.sum(), 2))
    degrees = metres / 111_195.0
    longitudes = CENTRE.longitude + degrees[:, 0] / np.cos(np.radians(CENTRE.latitude))
    return [
        Place(*pair) for pair in zip((CENTRE.latitude + degrees[:, 1]).tolist(), longitudes.tolist(), strict=True)
    ]


def _pushes(index: RedisDriverIndex, client: redis.Redis, places: list[Place]) -> Figure:
    """Compare fixes taken per second with GEOADD of the same in pipelines, which checks and keeps nothing else."""
    ours, bare = [], []
    for round_ in range(ROUNDS):
        at = NOW - timedelta(seconds=ROUNDS - round_)
        fixes = [DriverFix(_name(number), Fix(place, at, 8.0, 90.0)) for number, place in enumerate(places)]
        began = time.perf_counter()
        _push(index, fixes)
        between = time.perf_counter()
        _geoadd(client, places)
        ours.append(DRIVERS / (between - began))
        bare.append(DRIVERS / (time.perf_counter() - between))
        print(".", end="", file=sys.stderr, flush=True)
    rate, bare_rate = statistics.median(ours), statistics.median(bare)
    return Figure("position pushes, fixes per second / bare pipelined GEOADD", rate / bare_rate, 0.3, "higher",
                  f"{rate:.0f}/s / {bare_rate:.0f}/s, {BATCH} a round trip, {DRIVERS} drivers")  # fmt: skip


def _candidates(index: RedisDriverIndex, client: redis.Redis, places: list[Place]) -> list[Figure]:
    """Compare the time for the nearest ten of each of 60 rides with that of as many circles of 3 km.

    Once as a tick asks, all rides together, beside a pipeline of the circles; and once one by one, where a round trip
    is much of our time. In turns: a large circle leaves the processor's caches cold, which the next query would pay.
    """
    return [
        _compare(index, client, places, "one of a tick's rides", ROUND),
        _compare(index, client, places, "a ride alone", 1),
    ]


def _compare(index: RedisDriverIndex, client: redis.Redis, places: list[Place], whom: str, together: int) -> Figure:
    ours_s: list[float] = []
    fixed_s: list[float] = []
    same = 0
    for numbers in np.random.default_rng(7).integers(0, DRIVERS, (ROUNDS, ROUND)).tolist():
        batches = [[places[number] for number in numbers[at : at + together]] for at in range(0, ROUND, together)]
        found = [_timed(ours_s, partial(_nearest, index, batch)) for batch in batches]
        expected = [_timed(fixed_s, partial(_geosearch, client, batch)) for batch in batches]
        same += sum(sum(map(eq, one, other)) for one, other in zip(found, expected, strict=True))
    if same < ROUNDS * ROUND:
        raise RuntimeError(f"the same {NEAREST} were found for {same} of {ROUNDS * ROUND} rides only")
    ours_us, fixed_us = (1e6 * statistics.median(seconds) / together for seconds in (ours_s, fixed_s))
    return Figure(f"candidates for {whom}, 3 km GEOSEARCH / expanding radius", fixed_us / ours_us, 15, "higher",
                  f"{fixed_us:.0f} µs / {ours_us:.0f} µs, median of {len(ours_s)}, "
                  f"the same {NEAREST} for {same} rides")  # fmt: skip


def _timed(seconds: list[float], ask: Callable[[], list[list[str]]]) -> list[list[str]]:
    began = time.perf_counter()
    answer = ask()
    seconds.append(time.perf_counter() - began)
    return answer


def _push(index: RedisDriverIndex, fixes: list[DriverFix]) -> None:
    for first in range(0, len(fixes), BATCH):
        if not all(index.push(CITY, fixes[first : first + BATCH])):
            raise RuntimeError("a fix was dropped")


def _geoadd(client: redis.Redis, places: list[Place]) -> None:
    for first in range(0, len(places), BATCH):
        with client.pipeline(transaction=False) as pipeline:
            for number, place in enumerate(places[first : first + BATCH], first):
                pipeline.geoadd(BARE_KEY, (place.longitude, place.latitude, _name(number)))
            pipeline.execute()


def _nearest(index: RedisDriverIndex, places: Sequence[Place]) -> list[list[str]]:
    found = index.nearest(CITY, [NearestQuery(PRODUCT, place, NEAREST) for place in places])
    return [[driver_id for driver_id, _ in pairs] for pairs in found]


def _geosearch(client: redis.Redis, places: Sequence[Place]) -> list[list[str]]:
    with client.pipeline(transaction=False) as pipeline:
        for place in places:
            pipeline.geosearch(
                BARE_KEY,
                longitude=place.longitude,
                latitude=place.latitude,
                radius=RADIUS_M,
                unit="m",
                sort="ASC",
                count=NEAREST,
                withdist=True,
            )
        found = cast("list[list[tuple[bytes, bytes]]]", pipeline.execute())
    return [[driver_id.decode() for driver_id, _ in pairs] for pairs in found]


def _name(number: int) -> str:
    return f"driver-{number:06d}"
