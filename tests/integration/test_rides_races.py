"""Drivers race each other, their passengers and the clock for an offer; whoever loses is told why and writes nothing.

Threads are released by a barrier, for a hundred rounds and more. Every round ends in one of the outcomes that are
listed, with exactly the events of that outcome; after each test all invariants hold and no deadlock was seen.
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
from tests.integration.rides_world import STATION, RidesWorld, Together, wanted

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


def _offer_again_and_again(world: RidesWorld, lease_id: UUID, ride: Ride, asked: list[str]) -> None:
    for _ in range(5):
        now = world.get(ride)
        world.write_offers(lease_id, [wanted(now, driver_id) for driver_id in asked])
        world.execute("UPDATE offers SET expires_at = now() WHERE ride_id = %s AND status = 'pending'", ride.id)
        world.sweep(lease_id)


def test_of_eight_drivers_who_accept_one_ride_one_gets_it(world: RidesWorld) -> None:
    # Offers are exclusive, so the index that keeps them so has to go: what is tried here is the accept alone.
    world.execute("DROP INDEX offers_pending_ride_key")
    asked = [world.driver() for _ in range(8)]

    with Together(8) as together:
        for _ in range(ROUNDS):
            ride = world.created()
            offers = [_insert_offer(world, ride, driver_id) for driver_id in asked]

            results = together.run(*((world.accept, offer) for offer in offers))

            winners = [result for result in results if isinstance(result, Ride)]
            assert len(winners) == 1
            assert sum(isinstance(result, RideTakenError) for result in results) == 7
            assert world.get(ride) == winners[0]
            assert world.event_names(ride) == ["created", "matched"]
            world.execute("UPDATE offers SET status = 'withdrawn', resolved_at = now() WHERE status = 'pending'")
            driver_id = str(winners[0].driver_id)
            world.start(ride, driver_id)
            world.finish(ride, driver_id)


def test_a_driver_who_accepts_two_rides_at_once_gets_one(world: RidesWorld, two: Together) -> None:
    # A tick offers a driver one ride at a time; without the index that says so it is up to the accept.
    world.execute("DROP INDEX offers_pending_driver_key")
    driver_id = world.driver()

    for _ in range(ROUNDS):
        offers = [_insert_offer(world, world.created(), driver_id) for _ in range(2)]

        results = two.run(*((world.accept, offer) for offer in offers))

        [won] = [result for result in results if isinstance(result, Ride)]
        [lost] = [result for result in results if isinstance(result, DriverBusyError)]
        assert lost.ride == won
        assert world.value("SELECT count(*) FROM ride_events WHERE name = 'matched' AND ride_id = %s", won.id) == 1
        [left] = [offer for offer in offers if offer.ride_id != won.id]
        world.start(won, driver_id)
        world.finish(won, driver_id)
        world.decline(left)


def test_an_accept_and_a_cancel_leave_a_cancelled_ride_and_a_free_driver(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    orders = set()

    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, driver_id)

        accepted, cancelled = two.run((world.accept, offer), (world.cancel, ride))

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
    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, world.driver())
        lease_id = world.lease()
        world.execute(
            "UPDATE offers SET expires_at = clock_timestamp() + interval '3 milliseconds' WHERE id = %s", offer.id
        )

        accepted, _ = two.run((world.accept, offer), (world.sweep, lease_id))

        if isinstance(accepted, Ride):
            assert world.event_names(ride) == ["created", "offered", "matched"]
            assert world.sweep(lease_id).expired == 0
        else:
            assert isinstance(accepted, OfferExpiredError)
            world.sweep(lease_id)
            assert world.event_names(ride) == ["created", "offered", "offer_expired"]
            assert world.get(ride).excluded_drivers == (offer.driver_id,)
        world.cancel(ride)


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
    for round_number in range(ROUNDS):
        ride = world.created()
        first, second = world.driver(), world.driver()
        offer = world.offer(ride, first)
        if round_number % 2:
            world.overdue(offer)

        accepted, offered = two.run((world.accept, offer), (_offer_to_the_next, world, offer, second))

        if isinstance(accepted, Ride):
            assert offered == []
            assert world.get(ride).driver_id == first
        else:
            assert isinstance(accepted, OfferExpiredError)
            assert world.event_names(ride) == ["created", "offered", "offer_expired", "offered"]
        world.cancel(ride)


def test_an_accept_is_not_for_the_trip_that_the_passenger_has_just_changed(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()

    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, driver_id)

        accepted, edited = two.run((world.accept, offer), (world.redirect, ride, STATION))

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


def test_a_decline_and_an_expiry_end_an_offer_once(world: RidesWorld, two: Together) -> None:
    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, world.driver())
        lease_id = world.lease()
        world.overdue(offer)

        declined, _ = two.run((world.decline, offer), (world.sweep, lease_id))

        how = "offer_declined" if isinstance(declined, Offer) else "offer_expired"
        assert world.event_names(ride) == ["created", "offered", how]
        assert world.get(ride).excluded_drivers == (offer.driver_id,)
        assert world.write_offers(lease_id, [wanted(world.get(ride), offer.driver_id)]) == []
        world.cancel(ride)


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
    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, world.driver())

        accepted, declined = two.run((world.accept, offer), (world.decline, offer))

        assert {type(accepted), type(declined)} in ({Ride, OfferExpiredError}, {OfferExpiredError, Offer})
        assert len(world.events(ride)) == 3
        world.cancel(ride)


def test_a_driver_who_leaves_while_a_ride_is_being_offered_has_no_offer(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()
    histories = set()

    for _ in range(ROUNDS):
        ride = world.created()
        lease_id = world.lease()
        offer = wanted(ride, driver_id)

        two.run(
            (world.write_offers, lease_id, [offer]),
            (world.leave, driver_id),
        )

        assert world.run(lambda session: trips.pending_offer(session, driver_id)) is None
        assert world.get(ride).search_status is SearchStatus.SEARCHING
        histories.add(tuple(world.event_names(ride)))
        world.cancel(ride)
        world.say(driver_id, DriverStatus.AVAILABLE)

    assert histories <= {("created",), ("created", "offered", "offer_withdrawn")}


def test_a_driver_leaves_or_accepts_but_not_both(world: RidesWorld, two: Together) -> None:
    driver_id = world.driver()

    for _ in range(ROUNDS):
        ride = world.created()
        offer = world.offer(ride, driver_id)

        accepted, left = two.run((world.accept, offer), (world.leave, driver_id))

        if isinstance(accepted, Ride):
            assert isinstance(left, DriverBusyError)
            assert left.ride == accepted
        else:
            assert isinstance(accepted, OfferExpiredError)
            assert world.event_names(ride) == ["created", "offered", "offer_withdrawn"]
        world.cancel(ride)
        world.say(driver_id, DriverStatus.AVAILABLE)


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
