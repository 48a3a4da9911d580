"""A city is matched by one tick at a time, which nobody follows too late, and a tick is never missing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from domain.rides.model import DriverStatus, NewOffer, Offer, Ride, SearchStatus
from store.jobs import reads
from store.jobs.records import Job
from store.rides import ticks
from tests.integration.rides_world import CITY, RidesWorld, Together, wanted

ROUNDS = 100


@pytest.fixture
def world(engine: Engine) -> Iterator[RidesWorld]:
    built = RidesWorld(engine)
    yield built
    built.assert_sound()


@pytest.fixture
def two() -> Iterator[Together]:
    with Together(2) as together:
        yield together


def _jobs(world: RidesWorld) -> int:
    return int(str(world.value("SELECT count(*) FROM jobs")))


def _tick_job(world: RidesWorld, city: str = CITY) -> Job | None:
    job_id = world.value("SELECT job_id FROM ride_ticks WHERE city = %s", city)
    if job_id is None:
        return None
    assert isinstance(job_id, UUID)
    return world.run(lambda session: reads.get_job(session, job_id))


def _without_tick(world: RidesWorld) -> list[str]:
    return world.run(ticks.cities_without_tick)


def _end_tick(world: RidesWorld, lease_id: UUID) -> UUID | None:
    """Finish the tick's job and the tick as the job's effect, as its worker does."""

    def finish(session: Session) -> UUID | None:
        session.execute(
            text("UPDATE jobs SET state = 'succeeded', finished_at = now() WHERE id ="
                 " (SELECT job_id FROM ride_ticks WHERE city = :city)"), {"city": CITY}
        )  # fmt: skip
        return ticks.finish_tick(session, CITY, lease_id)

    return world.run(finish)


def test_the_first_search_of_a_city_brings_a_tick_at_once(world: RidesWorld) -> None:
    ride = world.created()

    job = _tick_job(world)

    assert job is not None
    assert (job.kind, job.queue, job.owner, job.state) == ("ride_matches", "ride_matches", "system", "queued")
    assert job.payload == {"do": "tick", "city": CITY}
    assert job.run_at <= world.value("SELECT clock_timestamp()")
    assert [search.ride_id for search in world.open_searches()] == [ride.id]


def test_a_ride_that_nobody_searches_for_brings_no_tick(world: RidesWorld) -> None:
    world.created(is_searching=False)

    assert _jobs(world) == 0
    assert world.open_searches() == []


def test_later_searches_wait_for_the_same_tick(world: RidesWorld) -> None:
    for _ in range(3):
        world.created()

    assert _jobs(world) == 1


def test_a_tick_that_has_just_been_keeps_the_next_one_waiting(world: RidesWorld) -> None:
    ride = world.created()
    lease_id = world.lease()
    world.cancel(ride)
    assert _end_tick(world, lease_id) is None

    world.created()

    job = _tick_job(world)
    ticked_at = world.value("SELECT ticked_at FROM ride_ticks")
    assert job is not None
    assert isinstance(ticked_at, datetime)
    assert (job.run_at - ticked_at).total_seconds() == ticks.TICK_EVERY_S


def test_a_tick_is_followed_by_the_next_as_long_as_searches_are_open(world: RidesWorld) -> None:
    ride = world.created()
    world.offer(ride, world.driver())
    followed_by = _end_tick(world, world.lease())
    world.cancel(ride)
    followed_then = _end_tick(world, world.lease())

    assert followed_by is not None
    assert followed_then is None
    assert _tick_job(world) is None


def test_the_next_tick_begins_two_seconds_after_this_one_began(world: RidesWorld) -> None:
    world.created()
    lease_id = world.lease()
    world.execute("UPDATE ride_ticks SET ticked_at = ticked_at - interval '1 second'")

    _end_tick(world, lease_id)

    job, ticked_at = _tick_job(world), world.value("SELECT ticked_at FROM ride_ticks")
    assert job is not None
    assert isinstance(ticked_at, datetime)
    assert (job.run_at - ticked_at).total_seconds() == ticks.TICK_EVERY_S


def test_a_city_whose_tick_failed_for_good_is_found(world: RidesWorld) -> None:
    ride = world.created()
    assert _without_tick(world) == []
    world.execute("UPDATE jobs SET state = 'failed', finished_at = now()")

    assert _without_tick(world) == [CITY]

    world.run(lambda session: ticks.ensure_tick(session, CITY))
    assert _without_tick(world) == []
    world.cancel(ride)


def test_a_search_that_begins_while_the_tick_ends_is_not_left_alone(world: RidesWorld, two: Together) -> None:
    passenger_id = world.passenger()
    world.cancel(world.created(passenger_id))

    for _ in range(2 * ROUNDS):
        two.run((_end_tick, world, world.lease()), (world.create, passenger_id))

        assert _without_tick(world) == []
        assert _live_jobs(world) == 1
        world.cancel_current(passenger_id)


def test_passengers_who_wake_a_quiet_city_together_bring_one_tick(world: RidesWorld) -> None:
    with Together(8) as together:
        for _ in range(ROUNDS):
            passengers = [world.passenger() for _ in range(8)]

            together.run(*((world.create, passenger_id) for passenger_id in passengers))

            assert _live_jobs(world) == 1
            together.run(*((world.cancel_current, passenger_id) for passenger_id in passengers))
            assert _end_tick(world, world.lease()) is None


def test_a_city_that_is_new_can_be_woken_by_two_at_once(world: RidesWorld, two: Together) -> None:
    for _ in range(ROUNDS):
        world.execute("DELETE FROM ride_ticks")
        world.execute("DELETE FROM jobs")
        passengers = [world.passenger() for _ in range(2)]

        two.run(*((world.create, passenger_id) for passenger_id in passengers))

        assert _live_jobs(world) == 1


def test_of_two_ticks_for_a_city_one_gets_the_lease(world: RidesWorld, two: Together) -> None:
    world.execute("INSERT INTO ride_ticks (city) VALUES (%s)", CITY)

    for _ in range(ROUNDS):
        results = two.run((world.take_lease,), (world.take_lease,))

        assert sum(lease_id is not None for lease_id in results) == 1
        world.execute("UPDATE ride_ticks SET lease_until = clock_timestamp()")


def test_two_ticks_that_decide_the_same_make_one_offer(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()

    for _ in range(ROUNDS):
        ride = world.created()
        lease_id = world.lease()

        results = two.run(
            (world.write_offers, lease_id, [wanted(ride, driver_id)]),
            (world.write_offers, lease_id, [wanted(ride, driver_id)]),
        )

        assert sorted(len(offers) for offers in results if isinstance(offers, list)) == [0, 1]
        assert world.event_names(ride) == ["created", "offered"]
        world.cancel(ride)


def test_a_zombie_and_its_successor_offer_a_ride_once(world: RidesWorld, two: Together) -> None:
    drivers = [world.driver(), world.driver()]

    for _ in range(ROUNDS):
        ride = world.created()
        zombie = world.lease()

        by_zombie, by_successor = two.run(
            (world.write_offers, zombie, [wanted(ride, drivers[0])]),
            (_take_over, world, [wanted(ride, drivers[1])]),
        )

        assert isinstance(by_zombie, list)
        assert isinstance(by_successor, list)
        assert len(by_zombie) + len(by_successor) == 1
        assert world.event_names(ride) == ["created", "offered"]
        world.cancel(ride)


def test_ticks_of_two_cities_offer_a_driver_who_moves_once(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()

    for _ in range(ROUNDS):
        here = world.created()
        there = world.created(city="elsewhere")
        leases = world.lease(), world.lease("elsewhere")

        two.run(
            (world.write_offers, leases[0], [wanted(here, driver_id)]),
            (_move_and_offer, world, leases[1], there, driver_id),
        )

        offered = [ride for ride in (here, there) if world.get(ride).search_status is SearchStatus.OFFERED]
        assert offered == [there]
        world.cancel(here)
        world.cancel(there)
        world.register(driver_id)


def test_a_zombie_whose_lease_is_over_writes_nothing(world: RidesWorld) -> None:
    ride, other = world.created(), world.created()
    offer = world.offer(ride, world.driver())
    world.overdue(offer)
    zombie = world.lease()
    world.execute("UPDATE ride_ticks SET lease_until = clock_timestamp()")
    before = world.get(ride), world.get(other)

    assert world.write_offers(zombie, [wanted(other, world.driver())]) == []
    assert world.sweep(zombie).expired == 0
    assert (world.get(ride), world.get(other)) == before


def test_a_zombie_writes_nothing_while_its_successor_may(world: RidesWorld) -> None:
    ride, other = world.created(), world.created()
    world.overdue(world.offer(ride, world.driver()))
    zombie = world.lease()
    successor = world.lease()
    decided = [wanted(other, world.driver())]

    assert world.write_offers(zombie, decided) == []
    assert world.sweep(zombie).expired == 0
    assert len(world.write_offers(successor, decided)) == 1
    assert world.sweep(successor).expired == 1


def test_a_zombie_ends_nobodys_tick_but_its_own(world: RidesWorld) -> None:
    world.created()
    zombie = world.lease()
    successor = world.lease()
    jobs = _jobs(world)

    assert world.finish_tick(zombie) is None
    assert _jobs(world) == jobs
    assert world.value("SELECT lease_id FROM ride_ticks") == successor


def test_a_tick_does_not_offer_what_no_longer_fits(world: RidesWorld) -> None:
    ride = world.created()
    busy, away, declined = world.driver(), world.driver(DriverStatus.UNAVAILABLE), world.driver()
    of_elsewhere, of_another_product = world.driver(city="elsewhere"), world.driver()
    world.register(of_another_product, product="van")
    world.matched(busy)
    lease_id = world.lease()
    world.decline(world.write_offers(lease_id, [wanted(ride, declined)])[0])

    for driver_id in (busy, away, declined, of_elsewhere, of_another_product, "nobody"):
        assert world.write_offers(lease_id, [wanted(ride, driver_id)]) == []
    assert world.get(ride).search_status is SearchStatus.SEARCHING


def test_a_tick_makes_many_offers_at_once_and_leaves_out_what_it_says_twice(world: RidesWorld) -> None:
    rides = [world.created() for _ in range(5)]
    drivers = [world.driver() for _ in range(5)]
    offers = [wanted(ride, driver_id) for ride, driver_id in zip(rides, drivers, strict=True)]
    twice = [wanted(rides[0], drivers[1]), wanted(rides[1], drivers[0])]

    made = world.write_offers(world.lease(), [*offers, *twice])

    assert {(offer.ride_id, offer.driver_id) for offer in made} == {
        (ride.id, driver_id) for ride, driver_id in zip(rides, drivers, strict=True)
    }


def test_many_offers_are_written_by_looking_up_each_row_by_its_id(world: RidesWorld) -> None:
    """With a plan that walks an index of all that is open, each tick would take the square of its offers."""
    values = {"rows": "[]", "ride_ids": [], "driver_ids": []}

    for prepared in (ticks._LOCK_RIDES, ticks._LOCK_DRIVERS, ticks._WRITE_OFFERS):
        used = {name: values[name] for name in prepared.parameters}
        with world.engine.connect() as connection:
            connection.exec_driver_sql(prepared._prepare())
            plan = connection.exec_driver_sql(f"EXPLAIN {prepared._execute}", used).scalars().all()
        by = {line.split("using ")[1].split(" ")[0] for line in plan if " using " in line}
        assert by <= {"rides_pkey", "drivers_pkey", "rides_active_driver_key"}, plan


def test_one_transaction_takes_a_bounded_number_of_offers(world: RidesWorld) -> None:
    ride = world.created()

    with pytest.raises(ValueError, match="500"):
        world.write_offers(world.lease(), [wanted(ride, "driver")] * 501)


def test_a_search_that_takes_too_long_is_given_up(world: RidesWorld) -> None:
    ride, offered = world.created(), world.created()
    world.offer(offered, world.driver())
    world.execute("UPDATE rides SET search_deadline = clock_timestamp()")

    swept = world.sweep(world.lease())

    assert (swept.expired, swept.given_up, swept.is_more) == (0, 1, False)
    assert world.get(ride).search_status is SearchStatus.NO_DRIVERS_AVAILABLE
    assert world.get(offered).search_status is SearchStatus.OFFERED
    assert world.search(ride).search_status is SearchStatus.SEARCHING
    assert world.event_names(ride) == ["created", "search_given_up", "search_started"]


def test_the_last_offer_of_a_search_that_takes_too_long_ends_both(world: RidesWorld) -> None:
    ride = world.created()
    offer = world.offer(ride, world.driver())
    world.overdue(offer)
    world.execute("UPDATE rides SET search_deadline = clock_timestamp()")

    swept = world.sweep(world.lease())

    assert (swept.expired, swept.given_up) == (1, 1)
    assert world.event_names(ride) == ["created", "offered", "offer_expired", "search_given_up"]


def test_cities_are_swept_apart(world: RidesWorld) -> None:
    here, there = world.created(), world.created(city="elsewhere")
    offers = [world.offer(here, world.driver()), world.offer(there, world.driver(city="elsewhere"))]
    for offer in offers:
        world.overdue(offer)

    assert world.sweep(world.lease()).expired == 1

    assert world.get(here).search_status is SearchStatus.SEARCHING
    assert world.get(there).search_status is SearchStatus.OFFERED


def _live_jobs(world: RidesWorld) -> int:
    return int(str(world.value("SELECT count(*) FROM jobs WHERE finished_at IS NULL")))


def _take_over(world: RidesWorld, offers: list[NewOffer]) -> list[Offer]:
    return world.write_offers(world.lease(), offers)


def _move_and_offer(world: RidesWorld, lease_id: UUID, ride: Ride, driver_id: str) -> None:
    world.register(driver_id, city="elsewhere")
    world.write_offers(lease_id, [wanted(ride, driver_id)], "elsewhere")
