"""What tests of rides are made of: one database, short words for every call, and threads that begin together."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from itertools import count
from typing import TypeVar
from uuid import UUID

from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.rides.model import (
    Driver,
    DriverStatus,
    Fix,
    NewOffer,
    NewRide,
    Offer,
    OpenSearch,
    Place,
    Quote,
    Ride,
    RideError,
    RideEvent,
    Vehicle,
)
from domain.rides.odometer import MAX_CLOCK_SKEW, advance
from store.rides import drivers, rides, ticks, trips
from store.rides.drivers import DriverProfile
from store.rides.invariants import violations
from store.rides.rides import RideEdit
from store.rides.ticks import Swept
from store.rides.transactions import RideTransactions
from store.rides.trips import RecordedFixes

T = TypeVar("T")
CITY = "demo"
PRODUCT = "standard"
HOME = Place(52.5200, 13.4050)
WORK = Place(52.5000, 13.4500)
STATION = Place(52.5250, 13.3690)
QUOTE = Quote(distance_m=4200, duration_s=840, price_low=900, price_high=1200, currency="EUR", surge=1.0)
LEASE_S = 60.0
ROUNDS = 100
MAX_ROUNDS = 1000
MAX_LATE_S = 0.05
# Of no fix it can be said that it is of the future.
_ADVANCE = partial(advance, now=datetime.max.replace(tzinfo=UTC) - MAX_CLOCK_SKEW)


class RidesWorld:
    """One database with rides, and everything that passengers, drivers and ticks do; each call commits."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.deadlocks: list[None] = []
        self.transactions = RideTransactions(engine, lambda: self.deadlocks.append(None))
        self._names = count(1)

    def run(self, work: Callable[[Session], T]) -> T:
        return self.transactions.run(work)

    # Passengers

    def passenger(self) -> str:
        return f"passenger-{next(self._names)}"

    def create(
        self,
        passenger_id: str,
        key: tuple[str, bytes] | None = None,
        *,
        is_searching: bool = True,
        city: str = CITY,
    ) -> tuple[Ride, bool]:
        new_ride = NewRide(passenger_id, city, PRODUCT, HOME, WORK, QUOTE, is_searching)
        return self.run(lambda session: rides.create(session, new_ride, key))

    def created(self, passenger_id: str | None = None, *, is_searching: bool = True, city: str = CITY) -> Ride:
        return self.create(passenger_id or self.passenger(), is_searching=is_searching, city=city)[0]

    def search(self, ride: Ride) -> Ride:
        return self.run(lambda session: rides.start_search(session, ride.id, ride.passenger_id))

    def redirect(self, ride: Ride, destination: Place) -> Ride:
        return self.edit(ride, destination=destination)

    def edit(self, ride: Ride, pickup: Place | None = None, destination: Place | None = None) -> Ride:
        edit = RideEdit(pickup, destination, QUOTE)
        return self.run(lambda session: rides.edit(session, ride.id, ride.passenger_id, edit))

    def cancel(self, ride: Ride) -> Ride:
        return self.run(lambda session: rides.cancel_by_passenger(session, ride.passenger_id, ride.id))

    def cancel_current(self, passenger_id: str) -> Ride:
        return self.run(lambda session: rides.cancel_by_passenger(session, passenger_id))

    def end_by_operator(self, ride: Ride) -> Ride:
        return self.run(lambda session: rides.cancel_by_system(session, ride.id, "cancelled by an operator"))

    def get(self, ride: Ride) -> Ride:
        return self.find(ride.id)

    def find(self, ride_id: UUID) -> Ride:
        found = self.run(lambda session: rides.find(session, ride_id))
        assert found is not None
        return found

    def current(self, passenger_id: str) -> Ride | None:
        return self.run(lambda session: rides.find_current(session, passenger_id))

    def events(self, ride: Ride) -> list[RideEvent]:
        return self.run(lambda session: rides.events_after(session, ride.id))

    def event_names(self, ride: Ride) -> list[str]:
        return [event.name for event in self.events(ride)]

    # Drivers

    def driver(self, status: DriverStatus = DriverStatus.AVAILABLE, city: str = CITY) -> str:
        driver_id = f"driver-{next(self._names)}"
        self.register(driver_id, city=city)
        self.say(driver_id, status)
        return driver_id

    def register(self, driver_id: str, product: str = PRODUCT, city: str = CITY) -> Driver:
        profile = DriverProfile(driver_id, "Ada", Vehicle("Volvo", "240", "B-YM 1", "red"), product, city)
        return self.run(lambda session: drivers.put_driver(session, profile))

    def say(self, driver_id: str, status: DriverStatus) -> Driver:
        return self.run(lambda session: drivers.set_status(session, driver_id, status))

    def accept(self, offer: Offer) -> Ride:
        return self.run(lambda session: trips.accept(session, offer.id, offer.driver_id))

    def decline(self, offer: Offer) -> Offer:
        return self.run(lambda session: trips.decline(session, offer.id, offer.driver_id))

    def pending(self, driver_id: str) -> Offer | None:
        offered = self.run(lambda session: trips.pending_offer(session, driver_id))
        return None if offered is None else offered[0]

    def active_ride(self, driver_id: str) -> Ride | None:
        return self.run(lambda session: drivers.active_ride_of_driver(session, driver_id))

    def arrive(self, ride: Ride, driver_id: str) -> Ride:
        return self.run(lambda session: trips.arrive(session, ride.id, driver_id))

    def start(self, ride: Ride, driver_id: str) -> Ride:
        return self.run(lambda session: trips.start(session, ride.id, driver_id))

    def finish(self, ride: Ride, driver_id: str) -> Ride:
        return self.run(lambda session: trips.finish(session, ride.id, driver_id))

    def give_back(self, ride: Ride, driver_id: str) -> Ride:
        return self.run(lambda session: trips.cancel_by_driver(session, ride.id, driver_id))

    def push(self, driver_id: str, fixes: Sequence[Fix]) -> RecordedFixes:
        return self.run(lambda session: trips.record_fixes(session, driver_id, fixes, _ADVANCE))

    def leave(self, driver_id: str) -> Driver:
        return self.say(driver_id, DriverStatus.UNAVAILABLE)

    # Ticks

    def lease(self, city: str = CITY, lease_s: float = LEASE_S) -> UUID:
        """Take the lease, whoever has it."""
        self.execute("UPDATE ride_ticks SET lease_id = NULL, lease_until = NULL WHERE city = %s", city)
        lease_id = self.take_lease(city, lease_s)
        assert lease_id is not None
        return lease_id

    def take_lease(self, city: str = CITY, lease_s: float = LEASE_S) -> UUID | None:
        return self.run(lambda session: ticks.take_lease(session, city, lease_s))

    def open_searches(self, city: str = CITY) -> list[OpenSearch]:
        return self.run(lambda session: ticks.open_searches(session, city))

    def write_offers(self, lease_id: UUID, offers: Sequence[NewOffer], city: str = CITY) -> list[Offer]:
        return self.run(lambda session: ticks.write_offers(session, city, lease_id, offers))

    def sweep(self, lease_id: UUID, city: str = CITY) -> Swept:
        return self.run(lambda session: ticks.sweep(session, city, lease_id))

    def finish_tick(self, lease_id: UUID, city: str = CITY) -> UUID | None:
        return self.run(lambda session: ticks.finish_tick(session, city, lease_id))

    def offer(self, ride: Ride, driver_id: str) -> Offer:
        """Offer a ride as a tick does."""
        [offer] = self.write_offers(self.lease(ride.city), [wanted(ride, driver_id)], ride.city)
        return offer

    def matched(self, driver_id: str | None = None) -> tuple[Ride, Offer]:
        offer = self.offer(self.created(), driver_id or self.driver())
        return self.accept(offer), offer

    def started(self) -> tuple[Ride, str]:
        ride, offer = self.matched()
        return self.start(ride, offer.driver_id), offer.driver_id

    def overdue(self, offer: Offer) -> None:
        """Let an offer's time be over."""
        self.execute("UPDATE offers SET expires_at = clock_timestamp() WHERE id = %s", offer.id)

    # The database

    def offer_status(self, offer: Offer) -> str:
        return str(self.value("SELECT status FROM offers WHERE id = %s", offer.id))

    def execute(self, sql: str, *parameters: object) -> None:
        with self.engine.connect() as connection:
            connection.exec_driver_sql(sql, tuple(parameters))

    def value(self, sql: str, *parameters: object) -> object:
        with self.engine.connect() as connection:
            return connection.exec_driver_sql(sql, tuple(parameters)).scalar_one()

    def violations(self) -> list[str]:
        return self.run(violations)

    def assert_sound(self) -> None:
        """What must hold after every test."""
        assert self.violations() == []
        assert self.deadlocks == []


def wanted(ride: Ride, driver_id: str) -> NewOffer:
    """What a tick decides that has read ``ride`` as an open search."""
    assert ride.search_id is not None
    return NewOffer(ride.id, ride.search_id, driver_id, pickup_eta_s=120, eta_source="haversine")


def fix_at(at: datetime, latitude: float = HOME.latitude) -> Fix:
    return Fix(Place(latitude, HOME.longitude), at)


def rounds(have_all_come: Callable[[], bool]) -> Iterator[int]:
    """Count a hundred rounds, and on until every outcome has come; far beyond that they are taken never to."""
    for number in range(MAX_ROUNDS):
        if number >= ROUNDS and have_all_come():
            return
        yield number


class Together:
    """Threads that begin at the same moment, time after time; use it as a context."""

    def __init__(self, size: int) -> None:
        self._pool = ThreadPoolExecutor(size)
        self._size = size
        self._random = random.Random(size)
        self._late_s = 0.01

    def __enter__(self) -> Together:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown()

    def race(self, *calls: tuple[object, ...]) -> list[object]:
        """Run ``calls``, every other one late by up to the time that they take: whoever is slower may then win."""
        late = [self._random.choice((0.0, self._random.uniform(0, self._late_s))) for _ in calls]
        begun = time.monotonic()
        results = self.run(*((_make_late, late_s, *call) for late_s, call in zip(late, calls, strict=True)))
        if not any(late):
            self._late_s = min(time.monotonic() - begun, MAX_LATE_S)
        return results

    def run(self, *calls: tuple[object, ...]) -> list[object]:
        """Make all ``calls`` at once, each a function and its arguments.

        Return what each returned, or the ``RideError`` that it raised.
        """
        assert len(calls) <= self._size
        barrier = threading.Barrier(len(calls))

        def make(call: tuple[object, ...]) -> object:
            function, *arguments = call
            assert callable(function)
            barrier.wait(10)
            try:
                return function(*arguments)
            except RideError as error:
                return error

        return [future.result(60) for future in [self._pool.submit(make, call) for call in calls]]


def _make_late(late_s: float, function: Callable[..., object], *arguments: object) -> object:
    time.sleep(late_s)
    return function(*arguments)
