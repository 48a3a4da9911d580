"""Drivers: who they are, what they said, and which of them may be offered rides."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast

from sqlalchemy.orm import Session

from domain.rides.model import Actor, Driver, DriverBusyError, DriverStatus, Offer, Ride, Vehicle
from domain.rides.ports import AvailableDriver
from store.prepared import Prepared
from store.rides import locks
from store.rides.models import HAS_DRIVER
from store.rides.records import driver_columns, ride_columns, to_driver, to_driver_and_ride
from store.rides.statements import Change, statement

_OFFER_OF_DRIVER = """offer AS (UPDATE offers o SET status = '{status}', resolved_at = clock_timestamp()
    WHERE o.id = :offer_id AND o.driver_id = :driver_id AND o.status = 'pending'
    RETURNING o.ride_id, o.search_id, o.driver_id)"""


def give_back(event: str, offer_status: str) -> Prepared:
    """Build the statement that ends a pending offer on its driver's side: the driver is not asked again.

    It needs the ride's lock.
    """
    return statement(
        Change(
            event=event,
            actor=Actor.DRIVER,
            prelude=_OFFER_OF_DRIVER.format(status=offer_status),
            assign="search_status = 'searching', excluded_drivers = r.excluded_drivers || offer.driver_id",
            source="offer",
            guard="r.id = (SELECT ride_id FROM offer) AND r.search_id = offer.search_id AND r.status = 'created'",
            told="offer.driver_id",
            detail="jsonb_build_object('driver_id', offer.driver_id)",
        )
    )


_WITHDRAW = give_back("offer_withdrawn", "withdrawn")


@dataclass(frozen=True, slots=True)
class DriverProfile:
    """What a driver registers with; ``id`` is the owner of the driver's API key."""

    id: str
    name: str
    vehicle: Vehicle
    product: str
    city: str


_REGISTER = Prepared("""
INSERT INTO drivers (id, name, vehicle, product, city)
VALUES (:driver_id, :name, :vehicle, :product, :city) ON CONFLICT (id) DO NOTHING RETURNING id
""")
_CHANGE_PROFILE = Prepared(f"""
UPDATE drivers d SET name = :name, vehicle = :vehicle, product = :product, city = :city,
    updated_at = clock_timestamp() WHERE d.id = :driver_id RETURNING {driver_columns("d")}
""")


def put_driver(session: Session, profile: DriverProfile) -> Driver:
    """Register a driver, who is unavailable at first, or change what was registered; idempotent.

    A change of product or city withdraws a pending offer, which was made to what the driver no longer is.

    Raises:
        DriverBusyError: product or city would change during a ride.
    """
    values = {
        "driver_id": profile.id,
        "name": profile.name,
        "vehicle": asdict(profile.vehicle),
        "product": profile.product,
        "city": profile.city,
    }
    if not _REGISTER.run(session, values):
        driver, offer = locks.lock_driver_and_offer(session, profile.id)
        if (driver.product, driver.city) != (profile.product, profile.city):
            _leave(session, driver, offer)
    return to_driver(_CHANGE_PROFILE.run(session, values)[0])


_SET_STATUS = Prepared(f"""
UPDATE drivers d SET status = :status, status_since = clock_timestamp(), idle_since = clock_timestamp(),
    updated_at = clock_timestamp() WHERE d.id = :driver_id AND d.status <> :status RETURNING {driver_columns("d")}
""")


def set_status(session: Session, driver_id: str, status: DriverStatus) -> Driver:
    """Write what a driver says; idempotent.

    Unavailability withdraws a pending offer: its ride is searched for again, without this driver.

    Raises:
        DriverNotFoundError: nobody of that id has registered.
        DriverBusyError: the driver would leave in the middle of ``ride``.
    """
    driver, offer = locks.lock_driver_and_offer(session, driver_id)
    if status is DriverStatus.UNAVAILABLE:
        _leave(session, driver, offer)
    rows = _SET_STATUS.run(session, {"driver_id": driver_id, "status": status})
    return to_driver(rows[0]) if rows else driver


def _leave(session: Session, driver: Driver, offer: Offer | None) -> None:
    ride = locks.active_ride(session, driver.id)
    if ride is not None:
        raise DriverBusyError("you are on a ride", ride)
    if offer is not None:
        _WITHDRAW.run(session, {"offer_id": offer.id, "driver_id": driver.id})


_FIND = Prepared(f"SELECT {driver_columns('d')} FROM drivers d WHERE d.id = :driver_id")


def find_driver(session: Session, driver_id: str) -> Driver | None:
    """Return a driver; ``None`` if nobody of that id has registered."""
    rows = _FIND.run(session, {"driver_id": driver_id})
    return to_driver(rows[0]) if rows else None


_FIND_WITH_RIDE = Prepared(f"""
SELECT {driver_columns("d")}, {ride_columns("r")}
FROM drivers d LEFT JOIN rides r ON r.driver_id = d.id AND r.{HAS_DRIVER} WHERE d.id = :driver_id
""")


def find_with_ride(session: Session, driver_id: str) -> tuple[Driver, Ride | None] | None:
    """Return a driver and the ride that the driver is on; ``None`` if nobody of that id has registered."""
    rows = _FIND_WITH_RIDE.run(session, {"driver_id": driver_id})
    return to_driver_and_ride(rows[0]) if rows else None


def active_ride_of_driver(session: Session, driver_id: str) -> Ride | None:
    """Return the ride that a driver is on."""
    return locks.active_ride(session, driver_id)


# NOT IN becomes a look into a table of the few who drive; NOT EXISTS would ask the index about each of the many.
_AVAILABLE = Prepared(f"""
SELECT d.id, d.product FROM drivers d WHERE d.city = :city AND d.status = 'available'
    AND d.id NOT IN (SELECT r.driver_id FROM rides r WHERE r.{HAS_DRIVER})
""")
# Subqueries that give a value are never made into joins, which a plan that was made while the tables were empty would
# do by walking all rides under way for each driver. Unique indexes see to it that they find one row at most.
# Drivers are looked up by id: with status = 'available', the index of the available ones would be walked for them.
_FREE_SINCE = Prepared(f"""
SELECT d.id, d.idle_since FROM drivers d WHERE d.id = ANY(:driver_ids) AND d.status <> 'unavailable'
    AND (SELECT r.id FROM rides r WHERE r.driver_id = d.id AND r.{HAS_DRIVER}) IS NULL
    AND (SELECT o.id FROM offers o WHERE o.driver_id = d.id AND o.status = 'pending') IS NULL
""")


def available_drivers(session: Session, city: str) -> list[AvailableDriver]:
    """Return the drivers of a city who may be offered rides, as far as is known here: not where they are."""
    return [AvailableDriver(cast("str", id_), cast("str", product)) for id_, product in
            _AVAILABLE.run(session, {"city": city})]  # fmt: skip


_BUSY = Prepared(f"""
SELECT o.driver_id FROM offers o
WHERE o.status = 'pending' AND (SELECT r.city FROM rides r WHERE r.id = o.ride_id) = :city
UNION ALL SELECT r.driver_id FROM rides r WHERE r.city = :city AND r.{HAS_DRIVER}
""")


def busy_drivers(session: Session, city: str) -> set[str]:
    """Return who is on a ride in a city, or being asked for one: whatever the index says, no choice for others."""
    return {cast("str", driver_id) for (driver_id,) in _BUSY.run(session, {"city": city})}


def free_since(session: Session, driver_ids: Sequence[str]) -> dict[str, datetime]:
    """Return when drivers last became free; missing is who is unavailable, on a ride, or being asked for one."""
    rows = _FREE_SINCE.run(session, {"driver_ids": list(driver_ids)})
    return {cast("str", id_): cast("datetime", moment) for id_, moment in rows}
