"""Rides are forgotten long after their end, and the way that was driven some time before."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from sqlalchemy import Engine

from domain.rides.model import Ride
from jobs import retention
from jobs.kinds import DAY_S
from store.db import sessions
from store.rides import retention as ride_retention
from tests.integration.rides_world import HOME, RidesWorld, Together, fix_at

TABLES_OF_A_RIDE = {"rides": "id", "offers": "ride_id", "ride_events": "ride_id", "ride_fixes": "ride_id"}


@pytest.fixture
def world(engine: Engine) -> Iterator[RidesWorld]:
    built = RidesWorld(engine)
    yield built
    built.assert_sound()


def test_fixes_are_forgotten_a_month_after_their_ride_and_it_is_kept(world: RidesWorld, engine: Engine) -> None:
    old, young, active = _driven(world), _driven(world), _driven(world, is_over=False)
    old_id, young_id, active_id = _age(world, old, 31), _age(world, young, 29), _age(world, active, 31)

    retention.prune(engine)

    assert [_rows(world, ride_id) for ride_id in (old_id, young_id, active_id)] == [
        {"rides": 1, "offers": 1, "ride_events": 6, "ride_fixes": 0},
        {"rides": 1, "offers": 1, "ride_events": 6, "ride_fixes": 3},
        {"rides": 1, "offers": 1, "ride_events": 5, "ride_fixes": 3},
    ]
    assert world.find(old_id).distance_travelled_m == old.distance_travelled_m > 0


def test_a_ride_of_long_ago_that_has_just_ended_keeps_its_fixes(world: RidesWorld, engine: Engine) -> None:
    ride_id = _age(world, _driven(world), 31)
    world.execute("UPDATE rides SET finished_at = now()")

    retention.prune(engine)

    assert _rows(world, ride_id)["ride_fixes"] == 3


def test_rides_are_forgotten_with_all_that_belongs_to_them_and_active_ones_never(
    world: RidesWorld, engine: Engine
) -> None:
    old, cancelled, young = _driven(world), world.cancel(world.created()), _driven(world)
    active, waiting = _driven(world, is_over=False), world.created(is_searching=False)
    kept = [_age(world, ride, 401) for ride in (active, waiting)] + [_age(world, young, 399)]
    gone = [_age(world, ride, 401) for ride in (old, cancelled)]

    retention.prune(engine)

    assert [set(_rows(world, ride_id).values()) for ride_id in gone] == [{0}, {0}]
    assert [_rows(world, ride_id)["rides"] for ride_id in kept] == [1, 1, 1]


def test_two_pruners_at_once_share_the_work(world: RidesWorld, engine: Engine) -> None:
    rides = [_age(world, _driven(world), 401 + number) for number in range(4)]
    open_sessions = [sessions(engine)() for _ in range(2)]

    with Together(2) as together:
        for keep_days, prune in ((30, ride_retention.prune_fixes), (400, ride_retention.prune)):
            counts = [1, 1]
            total = 0
            while any(counts):
                counts = [int(str(each)) for each in together.run(
                    *((prune, session, keep_days * DAY_S, 3) for session in open_sessions)
                )]  # fmt: skip
                total += sum(counts)
            assert total == {30: 12, 400: 4}[keep_days]
    for session in open_sessions:
        session.close()

    assert [set(_rows(world, ride_id).values()) for ride_id in rides] == [{0}] * 4


def _driven(world: RidesWorld, *, is_over: bool = True) -> Ride:
    ride, driver_id = world.started()
    assert ride.started_at is not None
    begun = ride.started_at
    world.push(driver_id, [fix_at(begun + timedelta(seconds=10 * n), HOME.latitude + n / 1000) for n in range(3)])
    return world.finish(ride, driver_id) if is_over else world.get(ride)


def _age(world: RidesWorld, ride: Ride, days: int) -> UUID:
    """Make a ride one of so many days ago, which its id tells, too; return the id."""
    then = datetime.now(UTC) - timedelta(days=days)
    ride_id = UUID(int=(int(then.timestamp() * 1000) << 80) | (uuid4().int & ((1 << 80) - 1)))
    with world.engine.connect() as connection:
        # References are not looked after meanwhile.
        connection.exec_driver_sql("SET session_replication_role = replica")
        for table, column in TABLES_OF_A_RIDE.items():
            connection.exec_driver_sql(f"UPDATE {table} SET {column} = %s WHERE {column} = %s", (ride_id, ride.id))
        connection.exec_driver_sql(
            "UPDATE rides SET created_at = %s, finished_at = CASE WHEN finished_at IS NOT NULL THEN %s END"
            " WHERE id = %s",
            (then, then, ride_id),
        )
        connection.exec_driver_sql("SET session_replication_role = DEFAULT")
    return ride_id


def _rows(world: RidesWorld, ride_id: UUID) -> dict[str, int]:
    return {
        table: int(str(world.value(f"SELECT count(*) FROM {table} WHERE {column} = %s", ride_id)))
        for table, column in TABLES_OF_A_RIDE.items()
    }
