"""Any calls in any order: the database does what a small model does, and at the same time it never breaks a rule."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from domain.rides.model import DriverStatus, Offer, Place, Ride, RideError
from store.rides import drivers, healing, rides, trips
from tests.integration.rides_model import ModelDriver, ModelPassenger, ModelRide, Refusal
from tests.integration.rides_world import HOME, STATION, WORK, RidesWorld, Together, fix_at, wanted

PEOPLE = 3
# Who drives may be a passenger as well, though not on the same ride.
PASSENGERS = ("passenger-0", "passenger-1", "driver-0")
THREADS = 4
EMPTY = "TRUNCATE drivers, rides, ride_ticks, jobs CASCADE"
who = st.integers(0, PEOPLE - 1)
CITIES = ("demo", "elsewhere")
cities = st.sampled_from(["demo", "demo", "demo", "elsewhere"])
products = st.sampled_from(["standard", "standard", "van"])
journeys = st.tuples(st.sampled_from([HOME, STATION]), st.sampled_from([WORK, STATION]))


def retire(world: RidesWorld, driver_id: str) -> bool:
    """Let a day pass without a word of a driver, and heal."""
    world.execute("UPDATE drivers SET updated_at = updated_at - interval '25 hours' WHERE id = %s", driver_id)
    return world.run(lambda session: healing.retire(session, driver_id))


def forget(world: RidesWorld, ride: Ride) -> None:
    """Let a day pass without a change of a ride, and heal."""
    world.execute("UPDATE rides SET updated_at = updated_at - interval '25 hours' WHERE id = %s", ride.id)
    world.run(healing.cancel_forgotten)


class RidesMachine(RuleBasedStateMachine):
    """Makes each call on the database and on the model."""

    def __init__(self, world: RidesWorld) -> None:
        super().__init__()
        self.world = world
        world.execute(EMPTY)
        self.passengers = [ModelPassenger(passenger_id) for passenger_id in PASSENGERS]
        self.drivers = [ModelDriver(f"driver-{n}") for n in range(PEOPLE)]
        self.rides: dict[ModelRide, Ride] = {}
        self.offers: dict[ModelDriver, Offer] = {}
        for driver in self.drivers:
            world.register(driver.id)

    def _expect(self, refusal: Refusal, call: Callable[..., object], *arguments: object) -> object:
        if refusal is None:
            return call(*arguments)
        with pytest.raises(refusal):
            call(*arguments)
        return None

    def _row(self, passenger: ModelPassenger) -> Ride:
        assert passenger.ride is not None
        return self.rides[passenger.ride]

    @rule(n=who, city=cities, is_searching=st.booleans())
    def create(self, n: int, city: str, is_searching: bool) -> None:
        passenger = self.passengers[n]
        refusal = passenger.create((HOME, WORK), city, is_searching=is_searching)

        def call() -> Ride:
            return self.world.created(passenger.id, is_searching=is_searching, city=city)

        ride = self._expect(refusal, call)
        if isinstance(ride, Ride):
            assert passenger.ride is not None
            self.rides[passenger.ride] = ride

    @precondition(lambda self: self.rides)
    @rule(n=who)
    def search(self, n: int) -> None:
        if self.passengers[n].ride is not None:
            self._expect(self.passengers[n].search(), self.world.search, self._row(self.passengers[n]))

    @precondition(lambda self: self.rides)
    @rule(n=who, trip=journeys)
    def edit(self, n: int, trip: tuple[Place, Place]) -> None:
        if self.passengers[n].ride is not None:
            self._expect(self.passengers[n].edit(trip), self.world.edit, self._row(self.passengers[n]), *trip)

    @precondition(lambda self: self.rides)
    @rule(n=who)
    def cancel(self, n: int) -> None:
        if self.passengers[n].ride is not None:
            self._expect(self.passengers[n].cancel(), self.world.cancel, self._row(self.passengers[n]))

    @precondition(lambda self: self.rides)
    @rule(n=who)
    def end_by_operator(self, n: int) -> None:
        if self.passengers[n].ride is not None:
            refusal = self.passengers[n].cancel(by_operator=True)
            self._expect(refusal, self.world.end_by_operator, self._row(self.passengers[n]))

    @rule(n=who, product=products, city=cities)
    def change(self, n: int, product: str, city: str) -> None:
        driver = self.drivers[n]
        self._expect(driver.change(product, city), self.world.register, driver.id, product, city)

    @rule(n=who)
    def come(self, n: int) -> None:
        self.drivers[n].is_available = True
        self.world.say(self.drivers[n].id, DriverStatus.AVAILABLE)

    @rule(n=who)
    def leave(self, n: int) -> None:
        self._expect(self.drivers[n].leave(), self.world.leave, self.drivers[n].id)

    @rule(n=who)
    def be_silent(self, n: int) -> None:
        assert retire(self.world, self.drivers[n].id) == self.drivers[n].be_silent()

    @precondition(lambda self: self.rides)
    @rule(n=who)
    def be_forgotten(self, n: int) -> None:
        if self.passengers[n].ride is not None:
            self.passengers[n].be_forgotten()
            forget(self.world, self._row(self.passengers[n]))

    @precondition(lambda self: self.rides)
    @rule(n=who, m=who)
    def offer(self, n: int, m: int) -> None:
        ride, driver = self.passengers[n].ride, self.drivers[m]
        if ride is None or (row := self.world.get(self.rides[ride])).search_id is None:
            return
        made = self.world.write_offers(self.world.lease(row.city), [wanted(row, driver.id)], row.city)
        assert len(made) == driver.may_be_offered(ride)
        if made:
            driver.be_offered(ride)
            self.offers[driver] = made[0]

    @precondition(lambda self: self.offers)
    @rule(n=who, verb=st.sampled_from(["accept", "accept", "accept", "decline"]))
    def answer(self, n: int, verb: str) -> None:
        driver = self.drivers[n]
        if driver.offer is not None:
            self._expect(getattr(driver, verb)(), getattr(self.world, verb), self.offers[driver])

    @precondition(lambda self: any(driver.is_asked for driver in self.drivers))
    @rule()
    def expire(self) -> None:
        self.world.execute("UPDATE offers SET expires_at = clock_timestamp() WHERE status = 'pending'")
        for city in CITIES:
            self.world.sweep(self.world.lease(city), city)
        for driver in self.drivers:
            driver.let_expire()

    @precondition(lambda self: self.rides)
    @rule(n=who)
    def give_up(self, n: int) -> None:
        passenger = self.passengers[n]
        if passenger.ride is not None:
            passenger.give_up()
            self.world.execute(
                "UPDATE rides SET search_deadline = clock_timestamp() WHERE id = %s AND search_status = 'searching'",
                self._row(passenger).id,
            )
            city = self.world.get(self._row(passenger)).city
            self.world.sweep(self.world.lease(city), city)

    @precondition(lambda self: any(driver.ride for driver in self.drivers))
    @rule(n=who, verb=st.sampled_from(["arrive", "start", "start", "finish", "give_back"]))
    def drive(self, n: int, verb: str) -> None:
        driver = self.drivers[n]
        if driver.ride is not None:
            row = self.rides[driver.ride]
            self._expect(getattr(driver, verb)(), getattr(self.world, verb), row, driver.id)

    @precondition(lambda self: any(driver.ride for driver in self.drivers))
    @rule(n=who)
    def push(self, n: int) -> None:
        driver = self.drivers[n]
        now = self.world.value("SELECT clock_timestamp()")
        assert isinstance(now, datetime)
        driver.push()
        self.world.push(driver.id, [fix_at(now)])

    @invariant()
    def the_database_is_as_the_model(self) -> None:
        self.world.run(self._check)

    def _check(self, session: Session) -> None:
        for ride, row in self.rides.items():
            now = rides.find(session, row.id)
            assert now is not None
            assert (now.status, now.search_status, now.version) == (ride.status, ride.search, ride.version)
            assert now.driver_id == (ride.driver.id if ride.driver else None)
            assert (now.pickup, now.destination) == ride.trip
            assert set(now.excluded_drivers) == ride.excluded
        for driver in self.drivers:
            seen = drivers.find_driver(session, driver.id)
            assert seen is not None
            assert (seen.product, seen.city) == (driver.product, driver.city)
            assert (seen.status is DriverStatus.AVAILABLE) == driver.is_available
        for driver, offer in self.offers.items():
            assert driver.offer is not None
            kept = trips.find_offer(session, offer.id, driver.id)
            assert kept is not None
            assert kept.status is driver.offer.status

    @invariant()
    def no_rule_is_broken(self) -> None:
        self.world.assert_sound()


def test_any_calls_in_any_order_do_what_the_model_does(engine: Engine) -> None:
    _compare(engine, settings(max_examples=60, stateful_step_count=40, derandomize=True))


@pytest.mark.chaos
def test_random_calls_in_any_order_do_what_the_model_does(engine: Engine) -> None:
    _compare(engine, settings(max_examples=300, stateful_step_count=50))


def _compare(engine: Engine, how: settings) -> None:
    world = RidesWorld(engine)
    slow = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]

    run_state_machine_as_test(
        lambda: RidesMachine(world), settings=settings(how, deadline=None, suppress_health_check=slow)
    )


VERBS = (
    "create", "create", "search", "edit", "cancel", "come", "leave", "offer", "offer", "offer", "accept", "accept",
    "accept", "decline", "sweep", "arrive", "start", "start", "push", "finish", "give_back", "end_tick",
    "operate", "change", "silence", "oblivion",
)  # fmt: skip
calls = st.tuples(st.sampled_from(VERBS), who, who)
programs = st.lists(st.lists(calls, min_size=4, max_size=12), min_size=THREADS, max_size=THREADS)


MOVES = (("standard", "demo"), ("van", "demo"), ("standard", "elsewhere"))


class Chaos:
    """Makes calls on whatever the database has at that moment, and takes every refusal as an answer."""

    def __init__(self, world: RidesWorld) -> None:
        self.world = world

    def follow(self, program: list[tuple[str, int, int]]) -> None:
        for verb, n, m in program:
            try:
                getattr(self, verb)(PASSENGERS[n], f"driver-{m}")
            except RideError:
                continue

    def create(self, passenger_id: str, _: str) -> None:
        self.world.created(passenger_id)

    def search(self, passenger_id: str, _: str) -> None:
        self._passengers(passenger_id, self.world.search)

    def edit(self, passenger_id: str, driver_id: str) -> None:
        place = STATION if driver_id == "driver-0" else HOME
        self._passengers(passenger_id, lambda ride: self.world.edit(ride, pickup=place))

    def cancel(self, passenger_id: str, _: str) -> None:
        self.world.cancel_current(passenger_id)

    def operate(self, passenger_id: str, _: str) -> None:
        self._passengers(passenger_id, self.world.end_by_operator)

    def change(self, passenger_id: str, driver_id: str) -> None:
        """Move to another product or city, or back: one passenger or another says which."""
        product, city = MOVES[PASSENGERS.index(passenger_id)]
        self.world.register(driver_id, product, city)

    def come(self, _: str, driver_id: str) -> None:
        self.world.say(driver_id, DriverStatus.AVAILABLE)

    def leave(self, _: str, driver_id: str) -> None:
        self.world.leave(driver_id)

    def silence(self, _: str, driver_id: str) -> None:
        retire(self.world, driver_id)

    def oblivion(self, passenger_id: str, _: str) -> None:
        self._passengers(passenger_id, lambda ride: forget(self.world, ride))

    def offer(self, _: str, __: str) -> None:
        """Offer every open search to everybody, as a tick does that knows nothing of the drivers."""
        if lease_id := self.world.take_lease(lease_s=0.005):
            open_rides = [self.world.find(search.ride_id) for search in self.world.open_searches()]
            self.world.write_offers(
                lease_id,
                [wanted(ride, f"driver-{n}") for ride in open_rides if ride.search_id for n in range(PEOPLE)],
            )

    def sweep(self, passenger_id: str, _: str) -> None:
        self.world.execute("UPDATE offers SET expires_at = clock_timestamp() WHERE status = 'pending'")
        if lease_id := self.world.take_lease(lease_s=0.005):
            self.world.sweep(lease_id)

    def end_tick(self, _: str, __: str) -> None:
        if lease_id := self.world.take_lease(lease_s=0.005):
            self.world.finish_tick(lease_id)

    def accept(self, _: str, driver_id: str) -> None:
        self._offers(driver_id, self.world.accept)

    def decline(self, _: str, driver_id: str) -> None:
        self._offers(driver_id, self.world.decline)

    def arrive(self, _: str, driver_id: str) -> None:
        self._drivers(driver_id, self.world.arrive)

    def start(self, _: str, driver_id: str) -> None:
        self._drivers(driver_id, self.world.start)

    def finish(self, _: str, driver_id: str) -> None:
        self._drivers(driver_id, self.world.finish)

    def give_back(self, _: str, driver_id: str) -> None:
        self._drivers(driver_id, self.world.give_back)

    def push(self, _: str, driver_id: str) -> None:
        if ride := self.world.active_ride(driver_id):
            self.world.push(driver_id, [fix_at(ride.created_at + timedelta(hours=1))])

    def _passengers(self, passenger_id: str, call: Callable[[Ride], object]) -> None:
        if ride := self.world.current(passenger_id):
            call(ride)

    def _offers(self, driver_id: str, call: Callable[[Offer], object]) -> None:
        if offer := self.world.pending(driver_id):
            call(offer)

    def _drivers(self, driver_id: str, call: Callable[[Ride, str], object]) -> None:
        if ride := self.world.active_ride(driver_id):
            call(ride, driver_id)


def test_any_calls_at_the_same_time_break_no_rule(engine: Engine) -> None:
    _interleave(engine, settings(max_examples=120, derandomize=True))


@pytest.mark.chaos
def test_random_calls_at_the_same_time_break_no_rule(engine: Engine) -> None:
    _interleave(engine, settings(max_examples=600))


def _interleave(engine: Engine, how: settings) -> None:
    world = RidesWorld(engine)
    chaos = Chaos(world)

    with Together(THREADS) as together:

        @settings(how, deadline=None, suppress_health_check=list(HealthCheck))
        @given(programs)
        def interleave(given_programs: list[list[tuple[str, int, int]]]) -> None:
            world.execute(EMPTY)
            for n in range(PEOPLE):
                world.register(f"driver-{n}")
                world.say(f"driver-{n}", DriverStatus.AVAILABLE)
                world.created(PASSENGERS[n])

            together.run(*((chaos.follow, program) for program in given_programs))

            world.assert_sound()

        interleave()
