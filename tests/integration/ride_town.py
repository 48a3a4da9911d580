"""A town whose ticks a test makes itself, on the real database and index."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Engine, text
from sqlalchemy.orm import Session

from adapters.driver_index.index import RedisDriverIndex, create_index_client
from domain.rides.eta import HaversineEta
from domain.rides.model import DriverStatus, Fix, Offer, Place, Ride
from domain.rides.ports import AvailableDriver, DriverFix
from jobs.model import Outcome
from tests.cities import DEMO_CITY
from tests.integration.rides_world import CITY, HOME, PRODUCT, RidesWorld
from workers.tasks.ride_matches import CityTools, RideMatcher

_END_JOB = text(
    "UPDATE jobs SET state = 'succeeded', finished_at = now() WHERE id ="
    " (SELECT job_id FROM ride_ticks WHERE city = :city)"
)


class Town:
    """A world with an index, and a worker that ticks."""

    def __init__(self, engine: Engine, redis_url: str) -> None:
        self.world = RidesWorld(engine)
        self.index = RedisDriverIndex(create_index_client(redis_url))
        tools = CityTools(DEMO_CITY, HaversineEta(DEMO_CITY))
        self.matcher = RideMatcher(self.world.transactions, self.index, {CITY: tools})

    def driver(self, east_m: float = 0.0, status: DriverStatus = DriverStatus.AVAILABLE) -> str:
        """Register a driver who stands that far from home."""
        driver_id = self.world.driver(status)
        place = Place(HOME.latitude, HOME.longitude + east_m / 67_700)
        self.index.push(CITY, [DriverFix(driver_id, Fix(place, datetime.now(UTC)))])
        if status is DriverStatus.AVAILABLE:
            self.index.set_available(CITY, AvailableDriver(driver_id, PRODUCT))
        return driver_id

    def tick(self) -> Outcome:
        """Run the city's tick as its worker does: the effects come with the end of the job."""
        outcome = self.matcher.tick(CITY)

        def finish(session: Session) -> None:
            session.execute(_END_JOB, {"city": CITY})
            for effect in outcome.effects:
                effect(session)

        self.world.run(finish)
        return outcome

    def offer_of(self, ride: Ride) -> Offer | None:
        driver_id = self.world.value(
            "SELECT max(driver_id) FROM offers WHERE ride_id = %s AND status = 'pending'", ride.id
        )
        return None if driver_id is None else self.world.pending(str(driver_id))

    def tick_job(self) -> UUID | None:
        job_id = self.world.value("SELECT job_id FROM ride_ticks WHERE city = %s", CITY)
        assert job_id is None or isinstance(job_id, UUID)
        return job_id
