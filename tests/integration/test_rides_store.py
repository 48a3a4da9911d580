"""What a ride goes through when one thing happens after another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from uuid import uuid4

import pytest
from sqlalchemy import Engine
from sqlalchemy.exc import IntegrityError

from domain.rides.model import (
    Actor,
    CurrentTripExistsError,
    DriverNotFoundError,
    DriverStatus,
    IdempotencyMismatchError,
    InvalidTransitionError,
    OfferExpiredError,
    OfferStatus,
    RideNotFoundError,
    RideStatus,
    RideTakenError,
    SearchStatus,
)
from store.notifications import Ear
from store.rides import drivers, rides, trips
from store.rides.channels import CHANGED, RideChange, parse_change
from tests.integration.rides_world import CITY, HOME, PRODUCT, QUOTE, STATION, WORK, RidesWorld, fix_at, wanted


@pytest.fixture
def world(engine: Engine) -> Iterator[RidesWorld]:
    built = RidesWorld(engine)
    yield built
    built.assert_sound()


def test_a_ride_goes_from_its_wish_to_its_end(world: RidesWorld) -> None:
    ride = world.created()
    driver_id = world.driver()

    world.accept(world.offer(ride, driver_id))
    world.arrive(ride, driver_id)
    started = world.start(ride, driver_id)
    assert started.started_at is not None
    world.push(driver_id, [fix_at(started.started_at + timedelta(seconds=1))])
    finished = world.finish(ride, driver_id)

    assert finished.status is RideStatus.FINISHED
    assert finished.driver_id == driver_id
    events = world.events(ride)
    assert [event.name for event in events] == [
        "created", "offered", "matched", "arrived", "started", "in_progress", "finished",
    ]  # fmt: skip
    assert [event.version for event in events] == [1, 2, 3, 4, 5, 6, 7]
    assert [event.actor for event in events[:3]] == [Actor.PASSENGER, Actor.SYSTEM, Actor.DRIVER]


def test_a_ride_is_read_as_it_was_written(world: RidesWorld) -> None:
    ride = world.created("ada")

    assert (ride.passenger_id, ride.city, ride.product) == ("ada", CITY, PRODUCT)
    assert (ride.pickup, ride.destination, ride.quote) == (HOME, WORK, QUOTE)
    assert (ride.status, ride.search_status) == (RideStatus.CREATED, SearchStatus.SEARCHING)
    assert world.get(ride) == world.current("ada") == ride
    version = world.run(lambda session: rides.read_version(session, ride.id))
    assert version == rides.RideVersion(1, RideStatus.CREATED, "ada", None, CITY)


def test_what_there_is_not_is_not_found(world: RidesWorld) -> None:
    nothing = uuid4()

    assert world.run(lambda session: rides.find(session, nothing)) is None
    assert world.run(lambda session: rides.read_version(session, nothing)) is None
    assert world.current("nobody") is None
    assert world.run(lambda session: trips.find_offer(session, nothing, "nobody")) is None
    assert world.run(lambda session: drivers.find_driver(session, "nobody")) is None
    with pytest.raises(RideNotFoundError):
        world.cancel_current("nobody")
    with pytest.raises(RideNotFoundError):
        world.run(lambda session: trips.accept(session, nothing, "nobody"))
    with pytest.raises(DriverNotFoundError):
        world.leave("nobody")


def test_events_are_read_from_where_the_reader_left_off(world: RidesWorld) -> None:
    ride = world.created()
    world.cancel(ride)
    first, second = world.events(ride)

    assert world.run(lambda session: rides.events_after(session, ride.id, first.id)) == [second]


def test_a_passenger_has_one_active_ride(world: RidesWorld) -> None:
    ride = world.created()

    with pytest.raises(CurrentTripExistsError) as refused:
        world.created(ride.passenger_id)

    assert refused.value.ride == ride


def test_a_key_makes_one_ride_even_when_that_is_over(world: RidesWorld) -> None:
    ride, is_replayed = world.create("ada", ("key", b"request"))
    world.cancel(ride)

    again, is_replayed_again = world.create("ada", ("key", b"request"))

    assert (is_replayed, is_replayed_again) == (False, True)
    assert again == world.get(ride)


def test_a_key_is_refused_to_another_request_but_not_to_another_passenger(world: RidesWorld) -> None:
    world.create("ada", ("key", b"request"))

    with pytest.raises(IdempotencyMismatchError):
        world.create("ada", ("key", b"another request"))
    assert not world.create("grace", ("key", b"another request"))[1]


def test_a_search_excludes_nobody_whom_an_earlier_one_did(world: RidesWorld) -> None:
    ride, driver_id = world.created(), world.driver()
    world.decline(world.offer(ride, driver_id))
    world.execute("UPDATE rides SET search_deadline = clock_timestamp()")
    world.sweep(world.lease())

    searched = world.search(ride)

    assert searched.excluded_drivers == ()
    assert searched.search_id != ride.search_id
    assert world.offer(searched, driver_id).driver_id == driver_id


def test_no_driver_is_searched_for_once_the_ride_has_one_or_is_over(world: RidesWorld) -> None:
    matched, _ = world.matched()
    cancelled = world.cancel(world.created())

    for ride in (matched, cancelled):
        with pytest.raises(InvalidTransitionError) as refused:
            world.search(ride)
        assert refused.value.ride == world.get(ride)


def test_what_an_old_search_decided_is_not_written(world: RidesWorld) -> None:
    ride = world.created()
    decided = wanted(ride, world.driver())
    world.edit(ride, destination=STATION)

    assert world.write_offers(world.lease(), [decided]) == []


def test_an_edit_voids_the_offer_and_keeps_the_place_in_the_queue(world: RidesWorld) -> None:
    ride = world.created()
    offer = world.offer(ride, world.driver())

    edited = world.edit(ride, destination=STATION)

    assert world.offer_status(offer) == OfferStatus.WITHDRAWN
    assert (edited.pickup, edited.destination) == (HOME, STATION)
    assert (edited.search_status, edited.search_started_at) == (SearchStatus.SEARCHING, ride.search_started_at)
    assert edited.search_id != ride.search_id
    with pytest.raises(OfferExpiredError):
        world.accept(offer)


def test_an_edit_that_changes_nothing_is_none(world: RidesWorld) -> None:
    ride = world.created()

    assert world.edit(ride, HOME, WORK) == ride
    assert world.event_names(ride) == ["created"]


def test_a_ride_without_a_search_is_edited_without_one(world: RidesWorld) -> None:
    edited = world.edit(world.created(is_searching=False), STATION)

    assert (edited.pickup, edited.search_status, edited.search_id) == (STATION, SearchStatus.IDLE, None)


def test_under_way_the_destination_may_change_but_not_the_pickup(world: RidesWorld) -> None:
    ride, driver_id = world.started()

    with pytest.raises(InvalidTransitionError):
        world.edit(ride, pickup=STATION)
    assert world.edit(ride, destination=STATION).destination == STATION

    world.finish(ride, driver_id)
    with pytest.raises(InvalidTransitionError):
        world.edit(ride, destination=HOME)


def test_a_driver_who_has_arrived_must_come_to_a_pickup_that_moves(world: RidesWorld) -> None:
    ride, offer = world.matched()
    world.arrive(ride, offer.driver_id)

    redirected = world.edit(ride, destination=STATION)
    moved = world.edit(ride, pickup=STATION, destination=WORK)

    assert redirected.arrived_at is not None
    assert moved.arrived_at is None
    assert world.arrive(ride, offer.driver_id).arrived_at is not None


def test_a_surge_of_ten_is_written(world: RidesWorld) -> None:
    world.created()

    world.execute("UPDATE rides SET surge = 10")


def test_a_cancel_withdraws_the_offer(world: RidesWorld) -> None:
    ride = world.created()
    offer = world.offer(ride, world.driver())

    cancelled = world.cancel_current(ride.passenger_id)

    assert (cancelled.status, cancelled.cancelled_by) == (RideStatus.CANCELLED, Actor.PASSENGER)
    assert world.offer_status(offer) == OfferStatus.WITHDRAWN
    assert world.cancel_current(ride.passenger_id) == world.cancel(ride) == cancelled
    with pytest.raises(RideTakenError):
        world.accept(offer)


def test_what_has_finished_is_no_current_ride_to_cancel(world: RidesWorld) -> None:
    ride, driver_id = world.started()
    world.finish(ride, driver_id)

    with pytest.raises(RideNotFoundError):
        world.cancel_current(ride.passenger_id)


def test_an_operator_frees_a_driver_and_a_passenger_who_are_stuck(world: RidesWorld) -> None:
    ride, driver_id = world.started()

    cancelled = world.run(lambda session: rides.cancel_by_system(session, ride.id, "the phone is broken", "root"))

    assert (cancelled.cancelled_by, cancelled.status_detail) == (Actor.SYSTEM, "the phone is broken")
    assert world.events(ride)[-1].detail == {"reason": "the phone is broken", "operator": "root"}
    assert world.created(ride.passenger_id)
    assert world.leave(driver_id).status is DriverStatus.UNAVAILABLE
    with pytest.raises(InvalidTransitionError):
        world.finish(ride, driver_id)


def test_a_ride_that_its_driver_gives_back_is_searched_for_without_that_driver(world: RidesWorld) -> None:
    ride, offer = world.matched()

    given_back = world.give_back(ride, offer.driver_id)

    assert (given_back.status, given_back.search_status) == (RideStatus.CREATED, SearchStatus.SEARCHING)
    assert (given_back.driver_id, given_back.matched_at) == (None, None)
    assert given_back.excluded_drivers == (offer.driver_id,)
    assert given_back.search_id != ride.search_id
    assert world.write_offers(world.lease(), [wanted(given_back, offer.driver_id)]) == []
    assert world.give_back(ride, offer.driver_id) == given_back
    with pytest.raises(OfferExpiredError):
        world.accept(offer)


def test_a_ride_that_another_drives_by_now_is_neither_accepted_nor_given_back_again(world: RidesWorld) -> None:
    ride, offer = world.matched()
    world.give_back(ride, offer.driver_id)
    taken = world.accept(world.offer(world.get(ride), world.driver()))

    with pytest.raises(RideTakenError):
        world.accept(offer)
    assert world.give_back(ride, offer.driver_id) == taken
    with pytest.raises(RideNotFoundError):
        world.start(ride, offer.driver_id)


def test_a_ride_that_has_started_is_not_given_back(world: RidesWorld) -> None:
    ride, driver_id = world.started()

    with pytest.raises(InvalidTransitionError):
        world.give_back(ride, driver_id)
    with pytest.raises(InvalidTransitionError):
        world.arrive(ride, driver_id)


def test_a_ride_does_not_finish_before_it_starts(world: RidesWorld) -> None:
    ride, offer = world.matched()

    with pytest.raises(InvalidTransitionError) as refused:
        world.finish(ride, offer.driver_id)

    assert refused.value.ride == ride


def test_an_accept_is_repeated_until_the_ride_is_cancelled(world: RidesWorld) -> None:
    ride, offer = world.matched()
    assert world.accept(offer) == ride

    world.cancel(ride)

    with pytest.raises(RideTakenError):
        world.accept(offer)


def test_an_offer_that_was_declined_or_is_over_is_neither_accepted_nor_shown(world: RidesWorld) -> None:
    declined = world.offer(world.created(), world.driver())
    overdue = world.offer(world.created(), world.driver())
    assert world.pending(overdue.driver_id) == overdue
    world.decline(declined)
    world.overdue(overdue)

    for offer in (declined, overdue):
        assert world.pending(offer.driver_id) is None
        with pytest.raises(OfferExpiredError):
            world.accept(offer)


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
    assert late.dropped == {"duplicate": 1, "before_start": 1}
    assert late.ride == started
    assert world.get(ride).status is RideStatus.IN_PROGRESS
    assert world.value("SELECT count(*) FROM ride_fixes") == 1


def test_fixes_of_a_driver_without_a_ride_are_nobodys(world: RidesWorld) -> None:
    driver_id = world.driver()

    assert world.push(driver_id, [fix_at(world.created().created_at)]).ride is None


def test_every_change_is_told_once_with_whom_it_concerns(world: RidesWorld, database_url: str) -> None:
    ear = Ear(database_url, [CHANGED])
    assert ear.hear(5) is None

    ride = world.created()
    driver_id = world.driver()
    world.decline(world.offer(ride, driver_id))
    world.cancel(ride)

    heard: list[RideChange | None] = []
    while len(heard) < 4:
        heard += [parse_change(each.payload) for each in ear.hear(5) or ()]
    ear.close()
    assert heard == [
        RideChange(ride.id, None, 1),
        RideChange(ride.id, driver_id, 2),
        RideChange(ride.id, driver_id, 3),
        RideChange(ride.id, None, 4),
    ]


def test_a_refusal_tells_nobody_and_writes_nothing(world: RidesWorld) -> None:
    ride, _ = world.matched()

    with pytest.raises(InvalidTransitionError):
        world.search(ride)

    assert world.get(ride) == ride
    assert len(world.events(ride)) == ride.version


WRONG = {
    "rides_active_passenger_key": "INSERT INTO rides SELECT (jsonb_populate_record(r, jsonb_build_object('id',"
    " gen_random_uuid(), 'status', 'created', 'search_status', 'idle', 'driver_id', NULL))).* FROM rides r",
    "rides_driver_check": "UPDATE rides SET driver_id = NULL",
    "rides_no_driver_check": "UPDATE rides SET status = 'created', search_status = 'idle'",
    "rides_status_check": "UPDATE rides SET status = 'lost'",
    "rides_search_check": "UPDATE rides SET search_status = 'searching'",
    "rides_cancelled_check": "UPDATE rides SET status = 'cancelled', finished_at = now()",
    "rides_finished_check": "UPDATE rides SET status = 'finished'",
    "rides_price_check": "UPDATE rides SET price_low = price_high + 1",
    "rides_active_driver_key": "INSERT INTO rides SELECT (jsonb_populate_record(r, jsonb_build_object('id',"
    " gen_random_uuid(), 'passenger_id', 'another'))).* FROM rides r",
    "offers_resolved_check": "UPDATE offers SET status = 'pending'",
    "ride_events_version_key": "UPDATE ride_events SET version = 1",
}


@pytest.mark.parametrize("constraint", WRONG)
def test_the_database_refuses_a_state_that_there_is_not(world: RidesWorld, constraint: str) -> None:
    world.matched()

    with pytest.raises(IntegrityError, match=constraint):
        world.execute(WRONG[constraint])


def test_only_what_says_a_change_is_read_as_one() -> None:
    ride_id = uuid4()

    assert parse_change(f"{ride_id} a driver with spaces 7") == RideChange(ride_id, "a driver with spaces", 7)
    assert parse_change(f"{ride_id} - 7") == RideChange(ride_id, None, 7)
    for payload in ("", "x - 1", f"{ride_id}", f"{ride_id} - x"):
        assert parse_change(payload) is None
