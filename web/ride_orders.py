"""Ordering a ride and changing its trip: the price that is quoted is the price of what is written.

Nobody is made to pay a surge that they have not agreed to. What they agree to is the multiplier, which they have from
an estimate or from the refusal; so it may have fallen by then, and nothing has to be kept until they order.
"""

from __future__ import annotations

from functools import partial
from uuid import UUID

from flask import request
from sqlalchemy.orm import Session

from domain.rides.model import CurrentTripExistsError, NewRide, Place, Quote, Ride, RideNotFoundError
from domain.rides.pricing import Driven, Trip
from jobs.submit import fingerprint
from store.rides import rides
from store.rides.rides import RideEdit
from web import guards
from web.platform import platform
from web.preferences import parse_idempotency_key
from web.problems import SurgeError
from web.ride_quotes import IN_BODY, city_at, city_named, quote
from web.ride_views import show_price
from web.schemas.rides import PlaceIn, RideEditIn, RideIn

NO_SURGE = 1.0

Key = tuple[str, bytes]


class _TripChangedError(Exception):
    """Another edit came between the quote and the lock of the ride."""


def order(body: RideIn) -> tuple[Ride, bool]:
    """Create a ride; return it, and whether an earlier request with the same ``Idempotency-Key`` had made it.

    Raises:
        RateLimitedError: the caller's limits are used up; who repeats an earlier request is answered all the same.
        ProductNotFoundError, OutsideServiceAreaError, SamePickupDropoffError, DistanceExceededError: no such trip.
        SurgeError: the price has a surge in it that the passenger has not agreed to.
        CurrentTripExistsError, IdempotencyMismatchError: as ``store.rides.rides.create``.
    """
    passenger_id, key = guards.caller().owner, _idempotency(body)
    trip = Trip(body.product, _place(body.pickup), _place(body.destination))
    city = city_at(trip.pickup, IN_BODY)
    priced = quote(city, trip, IN_BODY)
    new_ride = NewRide(passenger_id, city.name, trip.product, trip.pickup, trip.destination, priced, body.search)
    if priced.surge > (body.max_surge or NO_SURGE):
        return _find_made(passenger_id, key, priced), True
    if replayed := _charge(passenger_id, key):
        return replayed, True
    return platform().ride_transactions.run(lambda session: rides.create(session, new_ride, key))


def edit(ride_id: UUID, body: RideEditIn) -> Ride:
    """Change the caller's ride, with a new quote.

    Raises:
        RateLimitedError: the caller's limits are used up.
        SurgeError: the surge has risen above that of the ride and what the passenger agrees to.
        OutsideServiceAreaError, SamePickupDropoffError, DistanceExceededError: no such trip.
        RideNotFoundError, InvalidTransitionError: as ``store.rides.rides.edit``.
    """
    change, trip = _quote_edit(ride_id, body)
    # As an order is: each one that is not refused adds to the ride's history.
    guards.charge(1)
    while True:
        try:
            return platform().ride_transactions.run(partial(_edit, ride_id=ride_id, change=change, trip=trip))
        except _TripChangedError:
            # Undone; what is quoted next is the trip as the other edit has left it.
            change, trip = _quote_edit(ride_id, body)


def _quote_edit(ride_id: UUID, body: RideEditIn) -> tuple[RideEdit, Trip]:
    with platform().sessions() as session:
        ride = rides.find(session, ride_id)
    if ride is None or ride.passenger_id != guards.caller().owner:
        raise RideNotFoundError("there is no such ride")
    pickup = None if body.pickup is None else _place(body.pickup)
    destination = None if body.destination is None else _place(body.destination)
    trip = Trip(ride.product, pickup or ride.pickup, destination or ride.destination, _driven(ride))
    # From the start on, surge is what it was: the passenger sits in the car and cannot choose another.
    surge = None if trip.driven is None else ride.quote.surge
    priced = quote(city_named(ride.city, IN_BODY), trip, IN_BODY, surge)
    is_changed = (trip.pickup, trip.destination) != (ride.pickup, ride.destination)
    if is_changed and priced.surge > (body.max_surge or ride.quote.surge):
        raise _surge_refusal(priced)
    return RideEdit(pickup, destination, priced), trip


def _find_made(passenger_id: str, key: Key | None, priced: Quote) -> Ride:
    """Return the ride that a repeated order has made, whatever another one would cost by now.

    Nobody is asked to agree to a price of a ride that they could not have.
    """
    with platform().sessions() as session:
        if replayed := _find_replay(session, passenger_id, key):
            return replayed
        if current := rides.find_current(session, passenger_id):
            raise CurrentTripExistsError("you have an active ride already", current)
    raise _surge_refusal(priced)


def _surge_refusal(priced: Quote) -> SurgeError:
    detail = f"there is a surge of {priced.surge:g}, which you have not agreed to; repeat with that as max_surge"
    return SurgeError(detail, more={"price": show_price(priced)})


def _driven(ride: Ride) -> Driven | None:
    if ride.started_at is None:
        return None
    # The place up to which the distance is counted, which the last position may be a little ahead of.
    return Driven(ride.distance_travelled_m, ride.pickup if ride.last_fix is None else ride.last_fix.place)


def _edit(session: Session, ride_id: UUID, change: RideEdit, trip: Trip) -> Ride:
    edited = rides.edit(session, ride_id, guards.caller().owner, change)
    if (edited.pickup, edited.destination) != (trip.pickup, trip.destination):
        raise _TripChangedError
    return edited


def _idempotency(body: RideIn) -> Key | None:
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    return parse_idempotency_key(header), fingerprint([request.path, body.model_dump(mode="json", exclude_none=True)])


def _charge(passenger_id: str, key: Key | None) -> Ride | None:
    return guards.charge_unless_repeated(1, lambda session: _find_replay(session, passenger_id, key))


def _find_replay(session: Session, passenger_id: str, key: Key | None) -> Ride | None:
    return None if key is None else rides.find_replay(session, passenger_id, *key)


def _place(place: PlaceIn) -> Place:
    return Place(place.latitude, place.longitude)
