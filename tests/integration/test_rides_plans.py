"""Plans that were made while the tables were empty, and are kept, go along the right index when history is long."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import Connection, Engine, text

from store.prepared import Prepared
from store.rides import drivers, healing, lists, locks, rides, statements, ticks, trips
from store.rides.lists import RideFilter
from tests.plans import explain, index_scans, nodes

RIDES = 10_000
TABLES = ("rides", "offers", "drivers")
ONCE = {
    "nobody has looked at the tables yet": (),
    "the tables were seen empty": ("VACUUM ANALYZE rides", "VACUUM ANALYZE offers", "VACUUM ANALYZE drivers"),
    "the tables were seen with one row": ("SELECT 1", "ANALYZE rides", "ANALYZE offers", "ANALYZE drivers"),
}
# All rides of one passenger and one driver, who have none that is active: any other index would be long.
_DRIVERS = """
INSERT INTO drivers (id, name, vehicle, product, city, status)
SELECT 'driver-' || n, 'Ada', '{}', 'standard', 'demo', 'available' FROM generate_series(%s, %s) n
"""
_RIDES = """
INSERT INTO rides (id, passenger_id, driver_id, city, product, status, search_status, pickup_latitude,
    pickup_longitude, destination_latitude, destination_longitude, distance_m, duration_s, price_low, price_high,
    currency, surge, finished_at)
SELECT gen_random_uuid(), 'ann', 'driver-1', 'demo', 'standard', 'finished', 'matched', 0, 0, 0, 0, 0, 0, 0, 0,
    'EUR', 1, now() - n * interval '1 minute'
FROM generate_series(1, %s) n
"""
_OFFERS = """
INSERT INTO offers (id, ride_id, driver_id, search_id, status, pickup_eta_s, eta_source, expires_at, resolved_at)
SELECT gen_random_uuid(), id, 'driver-1', gen_random_uuid(), 'expired', 60, 'haversine', finished_at, finished_at
FROM rides ON CONFLICT DO NOTHING
"""
_SEARCHES = """
INSERT INTO rides (id, passenger_id, city, product, status, search_status, search_id, search_deadline,
    pickup_latitude, pickup_longitude, destination_latitude, destination_longitude, distance_m, duration_s, price_low,
    price_high, currency, surge)
SELECT gen_random_uuid(), 'passenger-' || n, 'demo', 'standard', 'created', 'searching', gen_random_uuid(), now(),
    0, 0, 0, 0, 0, 0, 0, 0, 'EUR', 1
FROM generate_series(1, %s) n
"""
_PENDING = """
INSERT INTO offers (id, ride_id, driver_id, search_id, pickup_eta_s, eta_source, expires_at)
SELECT gen_random_uuid(), id, 'driver-' || row_number() OVER (), search_id, 60, 'haversine', now()
FROM rides WHERE search_status = 'searching'
"""
VALUES: dict[str, object] = {
    "passenger_id": "ann",
    "driver_id": "driver-1",
    "driver_ids": ["driver-1", "driver-2"],
    "ride_id": uuid4(),
    "ride_ids": [uuid4(), uuid4()],
    "offer_id": uuid4(),
    "city": "demo",
    "every_s": 2.0,
    "reason": "no reason",
    "row": "{}",
    "distance_m": 0,
    "gaps": 0,
    "last_fix": None,
    "rows": "[]",
}
PERSONAL = {"rides_active_passenger_key", "rides_active_driver_key", "rides_passenger_idx", "rides_driver_idx"}
_VOID = Prepared(f"WITH {statements.VOID_OFFER} SELECT driver_id FROM void")
# Which indexes of rides, offers and drivers a statement may use, each to look something up. A ride's offers are few,
# so one that is pending may be looked for among them all. What is marked with * is short and may be walked from end
# to end.
INDEXES: dict[str, tuple[Prepared, set[str]]] = {
    "a passenger's active ride": (rides._FIND_CURRENT, {"rides_active_passenger_key"}),
    "a passenger's last ride": (rides._LAST, {"rides_passenger_idx"}),
    "a driver's active ride": (locks._ACTIVE_RIDE, {"rides_active_driver_key"}),
    "a driver's active ride, locked": (locks._LOCK_ACTIVE_RIDE, {"rides_active_driver_key"}),
    "a driver with the ride": (drivers._FIND_WITH_RIDE, {"drivers_pkey", "rides_active_driver_key"}),
    "a driver's pending offer": (locks._PENDING, {"offers_pending_driver_key"}),
    "a driver's pending offer with its ride": (
        trips._PENDING_OFFER,
        {"drivers_pkey", "offers_pending_driver_key", "rides_pkey"},
    ),
    "a ride's pending offer": (_VOID, {"offers_pending_ride_key", "offers_ride_id_idx"}),
    "which of some drivers are free": (
        drivers._FREE_SINCE,
        {"drivers_pkey", "rides_active_driver_key", "offers_pending_driver_key"},
    ),
    "expiring offers and searches": (ticks._OVERDUE, {"offers_expires_at_idx", "rides_pkey", "rides_open_idx"}),
    "the offers of some rides expire": (
        ticks._EXPIRE,
        {"offers_pending_ride_key", "offers_ride_id_idx", "rides_pkey"},
    ),
    "the searches of some rides are given up": (ticks._GIVE_UP, {"rides_pkey"}),
    "the open searches of a city": (ticks._OPEN_SEARCHES, {"rides_open_idx"}),
    "whether searches of a city are open": (ticks._WHAT_FOLLOWS, {"rides_open_idx"}),
    "an offer is accepted": (
        trips._ACCEPT,
        {"rides_pkey", "rides_active_driver_key", "offers_pkey", "offers_pending_driver_key"},
    ),
    "an offer is declined": (trips._DECLINE, {"rides_pkey", "offers_pkey", "offers_pending_driver_key"}),
    "whether a driver had a ride": (trips._HAD, {"offers_ride_id_idx"}),
    "a position is noted": (trips._RECORD, {"rides_pkey"}),
    "offers are written": (ticks._WRITE_OFFERS, {"rides_pkey", "drivers_pkey", "rides_active_driver_key"}),
    "a driver gives a ride back": (trips._GIVE_UP_RIDE, {"rides_active_driver_key", "drivers_pkey", "rides_pkey"}),
    "a trip ends": (trips._FINISH, {"rides_active_driver_key", "drivers_pkey"}),
    "who is busy": (
        drivers._BUSY,
        {"offers_pending_driver_key*", "rides_pkey", "rides_active_driver_key*"},
    ),
    "who may be offered rides": (drivers._AVAILABLE, {"drivers_available_idx", "rides_active_driver_key*"}),
    "where searches are open": (ticks._WITHOUT_TICK, {"rides_open_idx*"}),
    "rides that are forgotten": (healing._LOCK_FORGOTTEN, {"rides_active_passenger_key*"}),
    "drivers who are quiet": (healing._QUIET_DRIVERS, {"drivers_available_idx", "rides_active_driver_key*"}),
    "a search begins": (rides._START_SEARCH, {"rides_pkey"}),
    "a ride is edited": (rides._EDIT, {"rides_pkey", "offers_pending_ride_key", "offers_ride_id_idx"}),
    "a ride is cancelled": (
        rides._CANCEL,
        {"rides_pkey", "offers_pending_ride_key", "offers_ride_id_idx", "drivers_pkey"},
    ),
}


@pytest.mark.parametrize("once", ONCE)
def test_a_plan_that_was_made_early_goes_along_the_index_that_is_meant(engine: Engine, once: str) -> None:
    with engine.connect() as connection:
        _prepare_early(connection, once)

        _fill(connection)

        for meaning, (prepared, allowed) in INDEXES.items():
            assert set(index_scans(_explain(connection, prepared), TABLES)) <= allowed, meaning


@pytest.mark.parametrize("once", ONCE)
def test_a_plan_that_was_made_early_compares_no_offer_with_all_rides_of_its_chunk(engine: Engine, once: str) -> None:
    with engine.connect() as connection:
        _prepare_early(connection, once)

        for prepared in (ticks._EXPIRE, ticks._WRITE_OFFERS):
            rides_nodes = [node for node in nodes(_explain(connection, prepared)) if _is_of_rides(node)]
            assert rides_nodes
            assert not any("ANY" in str(node.get("Index Cond")) for node in rides_nodes)


@pytest.mark.parametrize("once", ONCE)
def test_of_a_city_that_is_overdue_no_more_is_read_than_one_transaction_ends(engine: Engine, once: str) -> None:
    with engine.connect() as connection:
        _prepare_early(connection, once)
        connection.exec_driver_sql(_DRIVERS, (2, 10 * ticks.CHUNK))
        connection.exec_driver_sql(_SEARCHES, (10 * ticks.CHUNK,))
        connection.exec_driver_sql(_PENDING)

        plan = _explain(connection, ticks._OVERDUE, "ANALYZE, FORMAT JSON")

    read = {node["Index Name"]: float(str(node["Actual Rows"])) for node in nodes(plan) if "Index Name" in node}
    assert read["offers_expires_at_idx"] == ticks.CHUNK
    assert read["rides_open_idx"] <= ticks.CHUNK


@pytest.mark.parametrize("person", ["ann", "driver-1", "driver-2"])
def test_a_list_of_rides_is_read_along_those_of_the_person(engine: Engine, person: str) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(_DRIVERS, (1, 1))
        _fill(connection)
        connection.exec_driver_sql("ANALYZE rides")
        sql, values = lists.statement(RideFilter(person=person), 51)

        plan = connection.execute(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {sql}"), values).scalar_one()

    used = {str(node["Index Name"]) for node in nodes(plan[0]["Plan"]) if "Index Name" in node}
    rows = sum(float(str(node["Actual Rows"])) for node in nodes(plan[0]["Plan"]))
    assert used <= {*PERSONAL, "rides_pkey"}
    assert rows < 1000
    assert not any("Rows Removed by Filter" in node for node in nodes(plan[0]["Plan"]))


def _prepare_early(connection: Connection, once: str) -> None:
    connection.exec_driver_sql(_DRIVERS, (1, 1))
    if "one row" in once:
        connection.exec_driver_sql(_RIDES, (1,))
        connection.exec_driver_sql(_OFFERS)
    for statement in ONCE[once]:
        connection.exec_driver_sql(statement)
    for prepared, _ in INDEXES.values():
        connection.exec_driver_sql(prepared._prepare())
        _explain(connection, prepared)


def _fill(connection: Connection) -> None:
    connection.exec_driver_sql(_DRIVERS, (2, RIDES))
    connection.exec_driver_sql(_RIDES, (RIDES,))
    connection.exec_driver_sql(_OFFERS)


def _is_of_rides(node: dict[str, object]) -> bool:
    return str(node.get("Index Name", "")).startswith("rides_")


def _explain(connection: Connection, prepared: Prepared, how: str = "FORMAT JSON") -> dict[str, object]:
    return explain(connection, prepared, VALUES, how)
