"""Drivers race each other, their passengers and the clock for an offer; whoever loses is told why and writes nothing.

Threads are released by a barrier, for a hundred rounds and more. Every round ends in one of the outcomes that are
listed, with exactly the events of that outcome, and every outcome comes: calls are late at times, so that any can be
first. After each test all invariants hold and no deadlock was seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from domain.rides.model import (
    DriverBusyError,
    DriverStatus,
    NewOffer,
    Offer,
    OfferExpiredError,
    OfferStatus,
    Ride,
    RideStatus,
    RideTakenError,
    SearchStatus,
)
from store.rides import drivers, trips
from store.rides.ticks import Swept
from tests.integration.rides_world import ROUNDS, STATION, RidesWorld, Together, rounds, wanted


@pytest.fixture
def world(engine: Engine) -> Iterator[RidesWorld]:
    built = RidesWorld(engine)
    yield built
    built.assert_sound()


@pytest.fixture
def two() -> Iterator[Together]:
    with Together(2) as together:
        yield together


def _insert_offer(world: RidesWorld, ride: Ride, driver_id: str) -> Offer:
    """Write an offer that no tick would: beside another one of the same ride or driver."""
    world.execute(
        "INSERT INTO offers (id, ride_id, driver_id, search_id, pickup_eta_s, eta_source, expires_at)"
        " VALUES (%s, %s, %s, %s, 60, 'haversine', now() + interval '1 minute')",
        offer_id := uuid7(), ride.id, driver_id, ride.search_id,
    )  # fmt: skip
    world.execute("UPDATE rides SET search_status = 'offered' WHERE id = %s", ride.id)
    found = world.run(lambda session: trips.find_offer(session, offer_id, driver_id))
    assert found is not None
    return found


def _offer_to_the_next(world: RidesWorld, offer: Offer, driver_id: str) -> list[Offer]:
    lease_id = world.lease()
    world.overdue(offer)
    world.sweep(lease_id)
    wanted_now = NewOffer(offer.ride_id, offer.search_id, driver_id, pickup_eta_s=60, eta_source="haversine")
    return world.write_offers(lease_id, [wanted_now])


def _expire_in_a_moment(world: RidesWorld, lease_id: UUID, offer: Offer) -> int:
    """Bring an offer's deadline near, and sweep until it is answered or over; return how many expired."""
    soon, expired = "clock_timestamp() + interval '1 millisecond'", 0
    world.execute(f"UPDATE offers SET expires_at = {soon} WHERE id = %s", offer.id)
    while world.offer_status(offer) == OfferStatus.PENDING:
        expired += world.sweep(lease_id).expired
    return expired


def test_of_eight_drivers_who_accept_one_ride_one_gets_it(world: RidesWorld) -> None:
    # Offers are exclusive, so the index that keeps them so has to go: what is tried here is the accept alone.
    world.execute("DROP INDEX offers_pending_ride_key")
    asked = [world.driver() for _ in range(8)]

    won = set()

    with Together(8) as together:
        for _ in rounds(lambda: len(won) > 1):
            ride = world.created()
            offers = [_insert_offer(world, ride, driver_id) for driver_id in asked]

            results = together.race(*((world.accept, offer) for offer in offers))

            winners = [result for result in results if isinstance(result, Ride)]
            assert len(winners) == 1
            assert sum(isinstance(result, RideTakenError) for result in results) == 7
            assert world.get(ride) == winners[0]
            assert world.event_names(ride) == ["created", "matched"]
            world.execute("UPDATE offers SET status = 'withdrawn', resolved_at = now() WHERE status = 'pending'")
            driver_id = str(winners[0].driver_id)
            won.add(driver_id)
            world.start(ride, driver_id)
            world.finish(ride, driver_id)

    assert len(won) > 1


def test_a_driver_who_accepts_two_rides_at_once_gets_one(world: RidesWorld, two: Together) -> None:
    # A tick offers a driver one ride at a time; without the index that says so it is up to the accept.
    world.execute("DROP INDEX offers_pending_driver_key")
    driver_id = world.driver()

    won_by = set()

    for _ in rounds(lambda: len(won_by) == 2):
        offers = [_insert_offer(world, world.created(), driver_id) for _ in range(2)]

        results = two.race(*((world.accept, offer) for offer in offers))

        won_by.add(isinstance(results[0], Ride))
        [won] = [result for result in results if isinstance(result, Ride)]
        [lost] = [result for result in results if isinstance(result, DriverBusyError)]
        assert lost.ride == won
        assert world.value("SELECT count(*) FROM ride_events WHERE name = 'matched' AND ride_id = %s", won.id) == 1
        [left] = [offer for offer in offers if offer.ride_id != won.id]
        world.start(won, driver_id)
        world.finish(won, driver_id)
        world.decline(left)

    assert won_by == {True, False}


def test_an_accept_and_a_cancel_leave_a_cancelled_ride_and_a_free_driver(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    orders = set()

    for _ in rounds(lambda: len(orders) == 2):
        ride = world.created()
        offer = world.offer(ride, driver_id)

        accepted, cancelled = two.race((world.accept, offer), (world.cancel, ride))

        assert isinstance(cancelled, Ride)
        after = world.get(ride)
        assert after.status is RideStatus.CANCELLED
        if isinstance(accepted, Ride):
            assert world.event_names(ride) == ["created", "offered", "matched", "cancelled"]
        else:
            assert isinstance(accepted, RideTakenError)
            assert world.event_names(ride) == ["created", "offered", "cancelled"]
            assert world.offer_status(offer) == OfferStatus.WITHDRAWN
        orders.add(type(accepted))
        assert world.run(lambda session: drivers.active_ride_of_driver(session, driver_id)) is None

    assert orders == {Ride, RideTakenError}


def test_an_accept_at_the_deadline_wins_or_the_offer_expires(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        offer = world.offer(ride, world.driver())
        lease_id = world.lease()

        accepted, expired = two.race((world.accept, offer), (_expire_in_a_moment, world, lease_id, offer))

        answers.add(type(accepted))
        if isinstance(accepted, Ride):
            assert expired == 0
            assert world.event_names(ride) == ["created", "offered", "matched"]
        else:
            assert expired == 1
            assert world.event_names(ride) == ["created", "offered", "offer_expired"]
            assert world.get(ride).excluded_drivers == (offer.driver_id,)
        world.cancel(ride)

    assert answers == {Ride, OfferExpiredError}


def test_an_offer_that_expires_while_its_accept_waits_for_a_lock_is_not_accepted(world: RidesWorld) -> None:
    ride = world.created()
    offer = world.offer(ride, world.driver())
    is_waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    with ThreadPoolExecutor(1) as pool, world.engine.connect() as holder:
        holder.exec_driver_sql("BEGIN")
        holder.exec_driver_sql("SELECT 1 FROM rides WHERE id = %s FOR UPDATE", (ride.id,))
        accepting = pool.submit(world.accept, offer)
        while not world.value(is_waiting):
            pass
        holder.exec_driver_sql("UPDATE offers SET expires_at = clock_timestamp() WHERE id = %s", (offer.id,))
        holder.exec_driver_sql("COMMIT")

        with pytest.raises(OfferExpiredError):
            accepting.result(10)

    assert world.get(ride).status is RideStatus.CREATED


def test_an_accept_and_the_offer_to_the_next_driver_never_both_hold(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        first, second = world.driver(), world.driver()
        offer = world.offer(ride, first)

        accepted, offered = two.race((world.accept, offer), (_offer_to_the_next, world, offer, second))

        answers.add(type(accepted))
        if isinstance(accepted, Ride):
            assert offered == []
            assert world.get(ride).driver_id == first
        else:
            assert isinstance(accepted, OfferExpiredError)
            assert world.event_names(ride) == ["created", "offered", "offer_expired", "offered"]
        world.cancel(ride)

    assert answers == {Ride, OfferExpiredError}


def test_an_accept_is_not_for_the_trip_that_the_passenger_has_just_changed(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        offer = world.offer(ride, driver_id)

        accepted, edited = two.race((world.accept, offer), (world.redirect, ride, STATION))

        answers.add(type(accepted))
        after = world.get(ride)
        assert isinstance(edited, Ride)
        assert after.destination == STATION
        if isinstance(accepted, Ride):
            assert accepted.destination == ride.destination
            assert after.status is RideStatus.MATCHED
            assert world.event_names(ride) == ["created", "offered", "matched", "edited"]
        else:
            assert isinstance(accepted, OfferExpiredError)
            assert after.search_status is SearchStatus.SEARCHING
            assert after.search_id != ride.search_id
            assert world.event_names(ride) == ["created", "offered", "edited"]
        world.cancel(ride)

    assert answers == {Ride, OfferExpiredError}


def test_a_decline_and_an_expiry_end_an_offer_once(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        offer = world.offer(ride, world.driver())
        lease_id = world.lease()
        world.overdue(offer)

        declined, swept = two.race((world.decline, offer), (world.sweep, lease_id))

        answers.add(type(declined))
        assert isinstance(swept, Swept)
        assert swept.expired == isinstance(declined, OfferExpiredError)
        how = "offer_declined" if isinstance(declined, Offer) else "offer_expired"
        assert world.event_names(ride) == ["created", "offered", how]
        assert world.get(ride).excluded_drivers == (offer.driver_id,)
        assert world.write_offers(lease_id, [wanted(world.get(ride), offer.driver_id)]) == []
        world.cancel(ride)

    assert answers == {Offer, OfferExpiredError}


def test_a_decline_that_comes_twice_is_one(world: RidesWorld, two: Together) -> None:
    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, world.driver())

        results = two.run((world.decline, offer), (world.decline, offer))

        assert results[0] == results[1]
        assert world.event_names(ride) == ["created", "offered", "offer_declined"]
        assert world.get(ride).excluded_drivers == (offer.driver_id,)
        world.cancel(ride)


def test_an_accept_that_comes_twice_is_one(world: RidesWorld, two: Together) -> None:
    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, world.driver())

        results = two.run((world.accept, offer), (world.accept, offer))

        assert results[0] == results[1] == world.get(ride)
        assert world.event_names(ride) == ["created", "offered", "matched"]
        world.cancel(ride)


def test_an_accept_and_a_decline_of_one_driver_end_an_offer_once(world: RidesWorld, two: Together) -> None:
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        offer = world.offer(ride, world.driver())

        accepted, declined = two.race((world.accept, offer), (world.decline, offer))

        answers.add(type(accepted))
        how = "matched" if isinstance(accepted, Ride) else "offer_declined"
        assert isinstance(accepted, Ride | OfferExpiredError)
        assert type(declined) is (OfferExpiredError if isinstance(accepted, Ride) else Offer)
        assert world.event_names(ride) == ["created", "offered", how]
        world.cancel(ride)

    assert answers == {Ride, OfferExpiredError}


def test_a_driver_who_leaves_while_a_ride_is_being_offered_has_no_offer(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    histories = set()

    for _ in rounds(lambda: len(histories) == 2):
        ride = world.created()
        lease_id = world.lease()
        offer = wanted(ride, driver_id)

        two.race(
            (world.write_offers, lease_id, [offer]),
            (world.leave, driver_id),
        )

        assert world.run(lambda session: trips.pending_offer(session, driver_id)) is None
        assert world.get(ride).search_status is SearchStatus.SEARCHING
        histories.add(tuple(world.event_names(ride)))
        world.cancel(ride)
        world.say(driver_id, DriverStatus.AVAILABLE)

    assert histories == {("created",), ("created", "offered", "offer_withdrawn")}


def test_a_driver_leaves_or_accepts_but_not_both(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    answers = set()

    for _ in rounds(lambda: len(answers) == 2):
        ride = world.created()
        offer = world.offer(ride, driver_id)

        accepted, left = two.race((world.accept, offer), (world.leave, driver_id))

        answers.add(type(accepted))
        if isinstance(accepted, Ride):
            assert isinstance(left, DriverBusyError)
            assert left.ride == accepted
            assert world.event_names(ride) == ["created", "offered", "matched"]
        else:
            assert isinstance(accepted, OfferExpiredError)
            assert world.event_names(ride) == ["created", "offered", "offer_withdrawn"]
        world.cancel(ride)
        world.say(driver_id, DriverStatus.AVAILABLE)

    assert answers == {Ride, OfferExpiredError}


def test_a_driver_who_accepts_one_ride_is_offered_no_other(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()

    for _ in range(ROUNDS):
        ride, other = world.created(), world.created()
        offer = world.offer(ride, driver_id)
        lease_id = world.lease()

        accepted, offered = two.run((world.accept, offer), (world.write_offers, lease_id, [wanted(other, driver_id)]))

        assert isinstance(accepted, Ride)
        assert offered == []
        world.cancel(ride)
        world.cancel(other)
