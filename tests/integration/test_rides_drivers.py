"""Drivers register, come and go, wait for rides, and tell where they are."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from domain.rides.model import DriverBusyError, DriverStatus, OfferStatus, Ride, RideStatus
from store.rides import drivers
from tests.integration.rides_world import CITY, PRODUCT, RidesWorld, fix_at


@pytest.fixture
def world(engine: Engine) -> Iterator[RidesWorld]:
    built = RidesWorld(engine)
    yield built
    built.assert_sound()


def test_a_driver_registers_unavailable_and_changes_what_was_registered(world: RidesWorld) -> None:
    registered = world.register("ada")
    changed = world.register("ada", product="van")

    assert (registered.status, registered.product) == (DriverStatus.UNAVAILABLE, PRODUCT)
    assert (changed.status_since, changed.product) == (registered.status_since, "van")
    assert world.run(lambda session: drivers.find_driver(session, "ada")) == changed


def test_a_driver_who_changes_the_product_loses_the_offer_but_not_the_ride(world: RidesWorld) -> None:
    offer = world.offer(world.created(), world.driver())
    ride, taken = world.matched()

    world.register(offer.driver_id, product="van")
    with pytest.raises(DriverBusyError) as refused:
        world.register(taken.driver_id, product="van")

    assert world.offer_status(offer) == OfferStatus.WITHDRAWN
    assert refused.value.ride == ride
    assert world.register(taken.driver_id).id == taken.driver_id


def test_a_driver_who_says_the_same_twice_waits_no_shorter(world: RidesWorld) -> None:
    driver_id = world.driver()
    first = world.say(driver_id, DriverStatus.AVAILABLE)

    assert world.say(driver_id, DriverStatus.AVAILABLE) == first


def test_only_available_drivers_without_a_ride_may_be_offered_one(world: RidesWorld) -> None:
    free, away = world.driver(), world.driver(DriverStatus.UNAVAILABLE)
    world.driver(city="elsewhere")
    _, offer = world.matched()

    found = world.run(lambda session: drivers.available_drivers(session, CITY))
    idle = world.run(lambda session: drivers.idle_since(session, [free, away, "nobody"]))

    assert [(driver.driver_id, driver.product) for driver in found] == [(free, PRODUCT)]
    assert offer.driver_id not in idle
    assert set(idle) == {free, away}


@pytest.mark.parametrize("end", ["finish", "cancel", "give_back"])
def test_a_driver_waits_anew_from_the_end_of_a_ride(world: RidesWorld, end: str) -> None:
    ride, offer = world.matched()
    before = world.run(lambda session: drivers.idle_since(session, [offer.driver_id]))

    if end == "finish":
        world.start(ride, offer.driver_id)
        world.finish(ride, offer.driver_id)
    elif end == "cancel":
        world.cancel(ride)
    else:
        world.give_back(ride, offer.driver_id)

    after = world.run(lambda session: drivers.idle_since(session, [offer.driver_id]))
    assert after[offer.driver_id] > before[offer.driver_id]


def test_fixes_count_from_the_start_on_only(world: RidesWorld) -> None:
    ride, offer = world.matched()
    early = world.push(offer.driver_id, [fix_at(ride.created_at)])
    started = world.start(ride, offer.driver_id)
    assert started.started_at is not None

    late = world.push(
        offer.driver_id, [fix_at(ride.created_at), *(fix_at(started.started_at, 52.5 + n / 1000) for n in range(2))]
    )

    assert (early.ride, early.accepted) == (ride, ())
    assert len(late.accepted) == 1
    assert late.dropped == {"not_newer": 1, "before_start": 1}
    assert late.ride is not None
    assert late.ride.status is RideStatus.IN_PROGRESS
    assert world.value("SELECT count(*) FROM ride_fixes") == 1


def test_fixes_of_a_driver_without_a_ride_are_nobodys(world: RidesWorld) -> None:
    driver_id = world.driver()

    assert world.push(driver_id, [fix_at(world.created().created_at)]).ride is None


def test_an_accept_by_a_driver_who_was_lost_from_sight_counts(world: RidesWorld) -> None:
    """Whether a driver's fixes are fresh decides who is asked, not who may answer."""
    offer = world.offer(world.created(), world.driver())
    world.execute("UPDATE drivers SET updated_at = now() - interval '1 hour'")

    assert isinstance(world.accept(offer), Ride)
