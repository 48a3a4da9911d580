"""A city's tick is delivered twice, or there are two of them: a ride is offered once, and one tick follows."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import Engine

from adapters.driver_index.index import RedisDriverIndex, create_index_client
from domain.rides.eta import HaversineEta
from domain.rides.model import Fix, Ride
from domain.rides.ports import AvailableDriver, DriverFix
from jobs.kinds import KINDS
from jobs.lifecycle import Lifecycle
from jobs.model import NewJob
from jobs.submit import submit
from tests.cities import DEMO_CITY
from tests.integration.jobs_world import World, running_lifecycle
from tests.integration.rides_world import CITY, HOME, PRODUCT, ROUNDS, RidesWorld, Together, rounds
from workers.tasks.ride_matches import CityTools, RideMatcher

KIND = "ride_matches"


class Station:
    """A city with two drivers, and two workers who tick it."""

    def __init__(self, engine: Engine, redis_url: str) -> None:
        self.world = RidesWorld(engine)
        self.index = RedisDriverIndex(create_index_client(redis_url))
        self.matcher = RideMatcher(
            self.world.transactions, self.index, {CITY: CityTools(DEMO_CITY, HaversineEta(DEMO_CITY))}
        )
        self.jobs = World(engine)
        self.drivers = [self.world.driver() for _ in range(2)]
        self.workers: list[Lifecycle] = []

    def wish(self) -> Ride:
        """Begin anew with one ride, whose tick is due."""
        # Not TRUNCATE, which for so few rows takes several times as long.
        self.world.execute("DELETE FROM ride_ticks")
        self.world.execute("DELETE FROM jobs")
        for driver_id in self.drivers:
            self.index.set_available(CITY, AvailableDriver(driver_id, PRODUCT))
            self.index.push(CITY, [DriverFix(driver_id, Fix(HOME, datetime.now(UTC)))])
        return self.world.created()

    def tick_job(self) -> UUID:
        job_id = self.world.value("SELECT job_id FROM ride_ticks WHERE city = %s", CITY)
        assert isinstance(job_id, UUID)
        return job_id

    def second_tick(self) -> UUID:
        """Submit a tick that does not belong to the city's chain, as when somebody does so by hand."""
        with self.jobs.session() as session:
            return submit(session, NewJob(KIND, "system", {"do": "tick", "city": CITY})).job.id

    def check(self, ride: Ride) -> None:
        """The ride was offered once, and one tick will follow."""
        assert self.world.event_names(ride) == ["created", "offered"]
        assert self.world.value("SELECT count(*) FROM offers WHERE ride_id = %s", ride.id) == 1
        assert self.world.value("SELECT count(*) FROM jobs WHERE finished_at IS NULL") == 1
        assert self.jobs.state(self.tick_job()) == "queued"


@pytest.fixture
def station(engine: Engine, redis_url: str) -> Iterator[Station]:
    built = Station(engine, redis_url)
    kind = KINDS[KIND]
    with (
        running_lifecycle(World(engine), built.matcher, kind) as first,
        running_lifecycle(World(engine), built.matcher, kind) as second,
    ):
        built.workers = [first, second]
        yield built
    built.world.assert_sound()


def test_a_tick_that_is_delivered_twice_is_done_once(station: Station) -> None:
    with Together(2) as together:
        for _ in range(ROUNDS):
            ride = station.wish()
            job_id = station.tick_job()

            together.race(*((worker.run, KIND, job_id) for worker in station.workers))

            job = station.jobs.get(job_id)
            assert (job.state, job.attempt, job.epoch) == ("succeeded", 1, 1)
            assert station.jobs.events(job_id) == ["submitted", "claimed", "succeeded"]
            station.check(ride)
            station.world.cancel(ride)


def test_of_two_ticks_of_a_city_at_once_one_works_and_the_other_leaves_it_alone(station: Station) -> None:
    skipped = set()

    with Together(2) as together:
        for _ in rounds(lambda: len(skipped) == 2):
            ride = station.wish()
            job_ids = [station.tick_job(), station.second_tick()]

            together.race(
                *((worker.run, KIND, job_id) for worker, job_id in zip(station.workers, job_ids, strict=True))
            )

            results = [station.jobs.get(job_id).result for job_id in job_ids]
            assert [station.jobs.state(job_id) for job_id in job_ids] == ["succeeded"] * 2
            assert sum(int(str((result or {}).get("offers", 0))) for result in results) == 1
            skipped.add(any("skipped" in (result or {}) for result in results))
            station.check(ride)
            station.world.cancel(ride)

    assert skipped == {True, False}
