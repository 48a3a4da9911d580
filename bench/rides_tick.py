"""A tick as a worker does it, on a PostgreSQL and a Valkey of its own: 2,000 open rides, 100,000 free drivers."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from sqlalchemy import Engine, text

from adapters.city_folder import read_city
from adapters.driver_index import RedisDriverIndex, create_index_client
from bench.figures import Figure
from bench.rides_index import scattered
from cli.stack.servers import PostgresServer, ValkeyServer
from config.settings import REPOSITORY
from domain.rides.cities import City
from domain.rides.eta import HaversineEta
from domain.rides.model import Fix, NewRide, Place
from domain.rides.ports import AvailableDriver, DriverFix
from domain.rides.pricing import Trip, quote
from store.db import create_engine
from store.migrate import migrate
from store.rides import rides
from store.rides.transactions import RideTransactions
from workers.tasks.ride_matches import CityTools, RideMatcher

RIDES = 2_000
DRIVERS = 100_000
ROUNDS = 5
_BATCH = 1_000
_DRIVERS = text("""
INSERT INTO drivers (id, name, vehicle, product, city, status)
SELECT 'driver-' || n, 'Ada', '{"make": "", "model": "", "plate": "", "colour": ""}', :product, :city, 'available'
FROM generate_series(0, :count - 1) AS n
""")
_AGAIN = text("""
WITH offers AS (UPDATE offers SET status = 'withdrawn', resolved_at = now() WHERE status = 'pending'),
ticks AS (UPDATE ride_ticks SET lease_id = NULL, lease_until = NULL)
UPDATE rides SET search_status = 'searching', search_id = gen_random_uuid() WHERE search_status = 'offered'
""")


def measure() -> list[Figure]:
    """Let a worker's matcher tick several times over the same city; each time all offers are taken back."""
    city = replace(read_city(REPOSITORY / "config" / "cities" / "demo.toml"), radius_km=100)
    with _servers() as (engine, index):
        places = scattered(DRIVERS + RIDES)
        _fill(engine, index, city, places)
        matcher = RideMatcher(RideTransactions(engine), index, {city.name: CityTools(city, HaversineEta(city))})
        tick_s, solver_s = [], []
        for _ in range(ROUNDS):
            _push(index, city, places[:DRIVERS])
            began = time.perf_counter()
            result = matcher.tick(city.name).result
            tick_s.append(time.perf_counter() - began)
            solver_s.append(float(str(result["solver_s"])))
            if result["offers"] != RIDES:
                raise RuntimeError(f"not every ride was offered: {result}")
            with engine.begin() as connection:
                connection.execute(_AGAIN)
            print(".", end="", file=sys.stderr, flush=True)
    return [
        Figure(f"a tick: {RIDES} open rides, {DRIVERS} drivers, from read to written offers, s",
               statistics.median(tick_s), 1, "lower",
               f"an amount: median of {ROUNDS}, slowest {max(tick_s):.2f}, solver {statistics.median(solver_s):.3f}")
    ]  # fmt: skip


@contextmanager
def _servers() -> Iterator[tuple[Engine, RedisDriverIndex]]:
    with tempfile.TemporaryDirectory(prefix="yardmaster-bench-") as folder:
        # PostgreSQL drops to another user, who has to reach its files.
        Path(folder).chmod(0o755)
        postgres, valkey = PostgresServer(Path(folder) / "postgres"), ValkeyServer(Path(folder) / "valkey")
        postgres.start()
        valkey.start()
        try:
            engine = create_engine(postgres.url(), 4, "bench")
            migrate(engine)
            with closing(create_index_client(valkey.url())) as client:
                yield engine, RedisDriverIndex(client)
            engine.dispose()
        finally:
            valkey.stop()
            postgres.stop()


def _fill(engine: Engine, index: RedisDriverIndex, city: City, places: list[Place]) -> None:
    product = city.products[0].name
    with engine.begin() as connection:
        connection.execute(_DRIVERS, {"product": product, "city": city.name, "count": DRIVERS})
        connection.execute(text("ANALYZE drivers"))
    index.rebuild(city.name, [AvailableDriver(f"driver-{number}", product) for number in range(DRIVERS)])
    transactions, now = RideTransactions(engine), datetime.now(UTC)
    for number, pickup in enumerate(places[DRIVERS:]):
        destination = Place(pickup.latitude + 0.02, pickup.longitude)
        estimate = quote(city, Trip(product, pickup, destination), 1.0, now)
        new_ride = NewRide(f"passenger-{number}", city.name, product, pickup, destination, estimate)
        transactions.run(partial(rides.create, new_ride=new_ride, idempotency=None))


def _push(index: RedisDriverIndex, city: City, places: list[Place]) -> None:
    now = datetime.now(UTC)
    fixes = [DriverFix(f"driver-{number}", Fix(place, now)) for number, place in enumerate(places)]
    for start in range(0, len(fixes), _BATCH):
        index.push(city.name, fixes[start : start + _BATCH])
