"""Passengers race their drivers, the ticks and their own second requests; every outcome that there is comes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from uuid import UUID

import pytest
from sqlalchemy import Engine

from domain.rides.model import (
    CurrentTripExistsError,
    DriverStatus,
    Fix,
    InvalidTransitionError,
    OfferStatus,
    Ride,
    RideNotFoundError,
    RideStatus,
    RideTakenError,
    SearchStatus,
)
from store.rides.trips import RecordedFixes
from tests.integration.rides_world import ROUNDS, STATION, RidesWorld, Together, fix_at, rounds, wanted


@pytest.fixture
def world(engine: Engine) -> Iterator[RidesWorld]:
    built = RidesWorld(engine)
    yield built
    built.assert_sound()


@pytest.fixture
def two() -> Iterator[Together]:
    with Together(2) as together:
        yield together


@pytest.mark.parametrize("keys", [(None, None), ("one", "another"), (None, "one")])
def test_of_two_wishes_of_a_passenger_one_becomes_a_ride(
    world: RidesWorld, two: Together, keys: tuple[str | None, str | None]
) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        passenger_id = world.passenger()
        pairs = [None if key is None else (key, key.encode()) for key in keys]

        results = two.race(*((world.create, passenger_id, pair) for pair in pairs))

        answers.add(isinstance(results[0], tuple))
        [(ride, is_replayed)] = [result for result in results if isinstance(result, tuple)]
        [refused] = [result for result in results if isinstance(result, CurrentTripExistsError)]
        assert not is_replayed
        assert refused.ride == ride
        assert world.event_names(ride) == ["created"]

    assert answers == {True, False}


def test_eight_requests_with_one_key_make_one_ride(world: RidesWorld) -> None:
    with Together(8) as together:
        for _ in range(ROUNDS):
            passenger_id = world.passenger()

            results = together.run(*[(world.create, passenger_id, ("key", b"same"))] * 8)

            [ride] = {result[0].id: result[0] for result in results if isinstance(result, tuple)}.values()
            assert sorted(result[1] for result in results if isinstance(result, tuple)) == [False] + [True] * 7
            assert world.event_names(ride) == ["created"]


def test_a_new_ride_is_refused_or_made_while_the_old_one_is_cancelled(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        old = world.created()

        cancelled, result = two.race((world.cancel, old), (world.create, old.passenger_id))

        answers.add(type(result))
        assert isinstance(cancelled, Ride)
        if isinstance(result, CurrentTripExistsError):
            assert result.ride is not None
            assert result.ride.id == old.id
            new, _ = world.create(old.passenger_id)
        else:
            assert isinstance(result, tuple)
            new = result[0]

        assert world.current(old.passenger_id) == new
        assert world.event_names(old) == ["created", "cancelled"]

    assert answers == {tuple, CurrentTripExistsError}


def test_two_searches_at_once_are_one(world: RidesWorld, two: Together) -> None:
    for _ in range(ROUNDS):
        ride = world.created(is_searching=False)

        results = two.run((world.search, ride), (world.search, ride))

        assert results[0] == results[1] == world.get(ride)
        assert world.event_names(ride) == ["created", "search_started"]


def test_a_ride_that_is_cancelled_while_a_tick_solves_is_not_offered(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        lease_id = world.lease()

        offered, cancelled = two.race((world.write_offers, lease_id, [wanted(ride, driver_id)]), (world.cancel, ride))

        answers.add(bool(offered))
        assert isinstance(cancelled, Ride)
        assert world.get(ride).status is RideStatus.CANCELLED
        if offered:
            assert isinstance(offered, list)
            assert world.offer_status(offered[0]) == OfferStatus.WITHDRAWN
            assert world.event_names(ride) == ["created", "offered", "cancelled"]
        else:
            assert world.event_names(ride) == ["created", "cancelled"]

    assert answers == {True, False}


def test_what_was_decided_for_the_old_trip_is_not_offered(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        lease_id = world.lease()

        offered, edited = two.race(
            (world.write_offers, lease_id, [wanted(ride, driver_id)]), (world.edit, ride, STATION)
        )

        answers.add(bool(offered))
        assert isinstance(edited, Ride)
        after = world.get(ride)
        assert after.search_status is SearchStatus.SEARCHING
        assert after.search_id != ride.search_id
        if offered:
            assert isinstance(offered, list)
            assert world.offer_status(offered[0]) == OfferStatus.WITHDRAWN
        assert world.event_names(ride) == ["created", *["offered"] * bool(offered), "edited"]
        assert world.write_offers(lease_id, [wanted(ride, driver_id)]) == []
        world.cancel(ride)

    assert answers == {True, False}


def test_a_ride_starts_or_is_cancelled(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride, offer = world.matched()

        started, cancelled = two.race((world.start, ride, offer.driver_id), (world.cancel, ride))

        answers.add(type(started))
        [refused] = [result for result in (started, cancelled) if not isinstance(result, Ride)]
        assert isinstance(refused, InvalidTransitionError)
        after = world.get(ride)
        assert refused.ride == after
        assert after.status is (RideStatus.STARTED if isinstance(started, Ride) else RideStatus.CANCELLED)
        assert world.event_names(ride)[3:] == [after.status.value]

    assert answers == {Ride, InvalidTransitionError}


def test_a_ride_under_way_finishes_whoever_cancels(world: RidesWorld, two: Together) -> None:
    for _ in range(ROUNDS):
        ride, driver_id = world.started()

        finished, cancelled = two.run((world.finish, ride, driver_id), (world.cancel, ride))

        assert isinstance(cancelled, InvalidTransitionError)
        assert finished == world.get(ride)
        assert world.event_names(ride)[-2:] == ["started", "finished"]


@pytest.mark.parametrize("verb", ["arrive", "start", "finish"])
def test_what_a_driver_does_twice_happens_once(world: RidesWorld, two: Together, verb: str) -> None:
    for _ in range(ROUNDS):
        if verb == "finish":
            ride, driver_id = world.started()
        else:
            ride, offer = world.matched()
            driver_id = offer.driver_id
        do = getattr(world, verb)

        results = two.run((do, ride, driver_id), (do, ride, driver_id))

        assert results[0] == results[1] == world.get(ride)
        assert world.events(ride)[-1].version == ride.version + 1


def test_a_cancel_that_comes_twice_is_one(world: RidesWorld, two: Together) -> None:
    for _ in range(ROUNDS):
        ride = world.created()

        results = two.run((world.cancel, ride), (world.cancel_current, ride.passenger_id))

        assert results[0] == results[1] == world.get(ride)
        assert world.event_names(ride) == ["created", "cancelled"]


def test_a_driver_gives_a_ride_back_while_its_passenger_cancels(world: RidesWorld, two: Together) -> None:
    endings = set()

    for _ in rounds(lambda: len(endings) == 2):
        ride, offer = world.matched()

        given_back, cancelled = two.race((world.give_back, ride, offer.driver_id), (world.cancel, ride))

        assert isinstance(cancelled, Ride)
        after = world.get(ride)
        assert after.status is RideStatus.CANCELLED
        assert isinstance(given_back, Ride | InvalidTransitionError)
        endings.add(tuple(world.event_names(ride)[3:]))
        assert (len(world.events(ride)) == 5) == isinstance(given_back, Ride)

    assert endings == {("driver_cancelled", "cancelled"), ("cancelled",)}


def test_whoever_polls_sees_a_ride_with_its_driver_or_without(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride, offer = world.matched()

        given_back, seen = two.race((world.give_back, ride, offer.driver_id), (world.get, ride))

        assert isinstance(seen, Ride)
        assert isinstance(given_back, Ride)
        answers.add(seen.status)
        assert (seen.driver_id, seen.status) in (
            (offer.driver_id, RideStatus.MATCHED),
            (None, RideStatus.CREATED),
        )
        world.cancel(ride)

    assert answers == {RideStatus.MATCHED, RideStatus.CREATED}


def test_a_late_accept_of_the_first_ride_leaves_the_second_alone(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        first = world.created()
        offer = world.offer(first, world.driver())

        accepted, second = two.race((world.accept, offer), (_cancel_and_create_another, world, first))

        answers.add(type(accepted))
        assert isinstance(second, Ride)
        assert world.get(second) == second
        assert world.event_names(second) == ["created"]
        assert world.get(first).status is RideStatus.CANCELLED
        matched = ["matched"] * isinstance(accepted, Ride)
        assert world.event_names(first) == ["created", "offered", *matched, "cancelled"]

    assert answers == {Ride, RideTakenError}


def test_pushes_that_come_twice_and_at_once_count_every_metre_once(world: RidesWorld) -> None:
    with Together(4) as together:
        for _ in range(ROUNDS):
            ride, driver_id = world.started()
            assert ride.started_at is not None
            track = [fix_at(ride.started_at + timedelta(seconds=n), 52.5 + n / 10_000) for n in range(1, 21)]
            batches = [track[:12], track[:12], track[6:], list(reversed(track))]

            together.run(*((world.push, driver_id, batch) for batch in batches))

            after = world.get(ride)
            assert after.status is RideStatus.IN_PROGRESS
            assert world.event_names(ride)[-2:] == ["started", "in_progress"]
            assert after.distance_travelled_m == _metres(world, ride)
            assert after.last_fix == track[-1]
            world.finish(ride, driver_id)


def test_a_push_and_a_finish_leave_a_finished_ride(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride, driver_id = world.started()
        assert ride.started_at is not None
        fixes: list[Fix] = [fix_at(ride.started_at + timedelta(seconds=1))]

        pushed, finished = two.race((world.push, driver_id, fixes), (world.finish, ride, driver_id))

        assert isinstance(pushed, RecordedFixes)
        assert isinstance(finished, Ride)
        answers.add(bool(pushed.accepted))
        names = ["in_progress"] * bool(pushed.accepted) + ["finished"]
        assert world.event_names(ride)[4:] == names
        assert world.get(ride).status is RideStatus.FINISHED

    assert answers == {True, False}


def test_calls_that_cross_on_one_ride_never_deadlock(world: RidesWorld) -> None:
    """Every lock of a ride, an offer, a driver and a tick at once, as in the prototype that had 161 deadlocks."""
    asked = [world.driver() for _ in range(4)]

    with Together(8) as together:
        for _ in range(ROUNDS):
            ride = world.created()
            offer = world.offer(ride, asked[0])
            lease_id = world.lease()
            together.run(
                (world.accept, offer),
                (world.accept, offer),
                (world.decline, offer),
                (world.leave, asked[0]),
                (world.edit, ride, STATION),
                (_offer_again_and_again, world, lease_id, ride, asked),
                (_offer_again_and_again, world, lease_id, ride, asked),
                (world.cancel, ride),
            )

            assert world.get(ride).status is RideStatus.CANCELLED
            world.say(asked[0], DriverStatus.AVAILABLE)


def test_what_is_not_ones_own_is_not_found(world: RidesWorld) -> None:
    ride, offer = world.matched()
    stranger = world.driver()

    calls = (
        (world.search, replace(ride, passenger_id=stranger)),
        (world.edit, replace(ride, passenger_id=stranger), STATION),
        (world.cancel, replace(ride, passenger_id=stranger)),
        (world.cancel_current, stranger),
        (world.accept, replace(offer, driver_id=stranger)),
        (world.decline, replace(offer, driver_id=stranger)),
        (world.arrive, ride, stranger),
        (world.start, ride, stranger),
        (world.finish, ride, stranger),
        (world.give_back, ride, stranger),
    )

    for call, *arguments in calls:
        with pytest.raises(RideNotFoundError):
            call(*arguments)
    assert world.get(ride) == ride


def _offer_again_and_again(world: RidesWorld, lease_id: UUID, ride: Ride, asked: list[str]) -> None:
    for _ in range(5):
        now = world.get(ride)
        world.write_offers(lease_id, [wanted(now, driver_id) for driver_id in asked])
        world.execute("UPDATE offers SET expires_at = now() WHERE ride_id = %s AND status = 'pending'", ride.id)
        world.sweep(lease_id)


def _cancel_and_create_another(world: RidesWorld, first: Ride) -> Ride:
    world.cancel(first)
    return world.created(first.passenger_id)


def _metres(world: RidesWorld, ride: Ride) -> int:
    """Return the length of the way along the fixes that were kept, each leg in whole metres."""
    legs = (
        "SELECT coalesce(sum(round(abs(latitude - before) * 111195)), 0) FROM (SELECT latitude,"
        " lag(latitude) OVER (ORDER BY at) AS before FROM ride_fixes WHERE ride_id = %s) AS legs"
    )
    return int(float(str(world.value(legs, ride.id))))
