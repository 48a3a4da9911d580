"""Locks of more than one row, and the rows they are of, in the order that ``statements`` names."""

from __future__ import annotations

from contextlib import suppress
from uuid import UUID

from sqlalchemy.orm import Session

from domain.rides.model import Driver, DriverNotFoundError, Offer, Ride, RideNotFoundError
from store.prepared import Prepared
from store.rides.models import HAS_DRIVER
from store.rides.records import driver_columns, first_offer, first_ride, offer_columns, ride_columns, to_driver

_LOCK_RIDE = Prepared(f"SELECT {ride_columns('r')} FROM rides r WHERE r.id = :ride_id FOR NO KEY UPDATE")
_LOCK_OFFERED_RIDE = Prepared(f"""
SELECT {ride_columns("r")} FROM rides r
WHERE r.id = (SELECT o.ride_id FROM offers o WHERE o.id = :offer_id AND o.driver_id = :driver_id) FOR NO KEY UPDATE
""")
_LOCK_DRIVER = Prepared(f"SELECT {driver_columns('d')} FROM drivers d WHERE d.id = :driver_id FOR NO KEY UPDATE")
_PENDING = Prepared(
    f"SELECT {offer_columns('o')} FROM offers o WHERE o.driver_id = :driver_id AND o.status = 'pending'"
)
_ACTIVE_RIDE = Prepared(f"SELECT {ride_columns('r')} FROM rides r WHERE r.driver_id = :driver_id AND r.{HAS_DRIVER}")
_LOCK_ACTIVE_RIDE = Prepared(f"{_ACTIVE_RIDE.sql} FOR NO KEY UPDATE")


class _OfferedMeanwhileError(Exception):
    """A tick offered the driver a ride between the look at the offers and the driver's lock."""


def lock_ride(session: Session, ride_id: UUID) -> Ride:
    """Lock a ride and return it.

    Raises:
        RideNotFoundError: there is none.
    """
    ride = first_ride(_LOCK_RIDE.run(session, {"ride_id": ride_id}))
    if ride is None:
        raise RideNotFoundError("there is no such ride")
    return ride


def lock_offered_ride(session: Session, offer_id: UUID, driver_id: str) -> Ride:
    """Lock the ride that an offer to ``driver_id`` is about and return it.

    Raises:
        RideNotFoundError: there is no such offer to that driver.
    """
    ride = first_ride(_LOCK_OFFERED_RIDE.run(session, {"offer_id": offer_id, "driver_id": driver_id}))
    if ride is None:
        raise RideNotFoundError("there is no such offer")
    return ride


def lock_driver(session: Session, driver_id: str) -> Driver:
    """Lock a driver, so that nobody can offer or give the driver a ride, and return the row.

    Raises:
        DriverNotFoundError: nobody of that id has registered.
    """
    rows = _LOCK_DRIVER.run(session, {"driver_id": driver_id})
    if not rows:
        raise DriverNotFoundError("you have not registered as a driver")
    return to_driver(rows[0])


def lock_driver_and_offer(session: Session, driver_id: str) -> tuple[Driver, Offer | None]:
    """Lock a driver together with the ride that is being offered to the driver, if any is.

    The ride must be locked first, but which one it is stays open until the driver is locked. So if a tick was just
    faster, both locks are let go and taken again; a driver has one pending offer at a time, so this soon ends.

    Raises:
        DriverNotFoundError: nobody of that id has registered.
    """
    while True:
        with suppress(_OfferedMeanwhileError), session.begin_nested():
            before = pending_offer(session, driver_id)
            if before is not None:
                lock_ride(session, before.ride_id)
            driver = lock_driver(session, driver_id)
            offer = pending_offer(session, driver_id)
            if offer is not None and (before is None or before.ride_id != offer.ride_id):
                raise _OfferedMeanwhileError
            return driver, offer


def pending_offer(session: Session, driver_id: str) -> Offer | None:
    """Return the offer that a driver has not answered, expired or not."""
    return first_offer(_PENDING.run(session, {"driver_id": driver_id}))


def active_ride(session: Session, driver_id: str) -> Ride | None:
    """Return the ride that a driver is on."""
    return first_ride(_ACTIVE_RIDE.run(session, {"driver_id": driver_id}))


def lock_active_ride(session: Session, driver_id: str) -> Ride | None:
    """Lock the ride that a driver is on and return it."""
    return first_ride(_LOCK_ACTIVE_RIDE.run(session, {"driver_id": driver_id}))
