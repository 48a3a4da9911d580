"""Lists of rides, past ones and active ones, of a person or of everybody."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.rides.model import Driver, Ride, RideStatus
from store.rides.models import HAS_DRIVER, IS_GOING_ON, IS_OVER
from store.rides.records import driver_columns, ride_columns, to_driver, to_ride

# Whose rides are looked for goes along two indexes, of what is going on and of what is over.
_PARTS = {"passenger_id": (IS_GOING_ON, IS_OVER), "driver_id": (HAS_DRIVER, IS_OVER)}


@dataclass(frozen=True, slots=True)
class RideFilter:
    """Which rides to list; ``None`` asks for nothing. ``person`` is the passenger or the driver."""

    person: str | None = None
    status: RideStatus | None = None
    city: str | None = None
    passenger_id: str | None = None
    driver_id: str | None = None


def list_rides(session: Session, wanted: RideFilter, limit: int, before: UUID | None = None) -> list[Ride]:
    """Return the newest rides first; ``before`` is the last id of the page before.

    Ids are UUIDs of version 7, so their order is that of creation.
    """
    sql, parameters = statement(wanted, limit, before)
    return [to_ride(row) for row in session.execute(text(sql), parameters)]


def statement(wanted: RideFilter, limit: int, before: UUID | None = None) -> tuple[str, dict[str, object]]:
    """Return the statement that reads such a list, and its parameters."""
    conditions = {
        "r.status = :status": None if wanted.status is None else wanted.status.value,
        "r.city = :city": wanted.city,
        "r.passenger_id = :passenger_id": wanted.passenger_id,
        "r.driver_id = :driver_id": wanted.driver_id,
        "r.id < :before": before,
    }
    parameters: dict[str, object] = {
        condition.rpartition(":")[2]: value for condition, value in conditions.items() if value is not None
    }
    chosen = [condition for condition, value in conditions.items() if value is not None]
    if wanted.status is not None:
        chosen.append(IS_GOING_ON if wanted.status.is_active else IS_OVER)
    branches = " UNION ".join(_newest([*chosen, *owned]) for owned in _owned(wanted))
    sql = f"""
    SELECT {ride_columns("r")} FROM rides r
    WHERE r.id = ANY(ARRAY(SELECT u.id FROM ({branches}) u ORDER BY u.id DESC LIMIT :limit)) ORDER BY r.id DESC
    """
    return sql, {**parameters, "person": wanted.person, "limit": limit}


def _owned(wanted: RideFilter) -> list[list[str]]:
    """Return the conditions of each branch of the list by which an index is chosen."""
    if wanted.person is not None:
        return [[f"r.{who} = :person", part] for who, parts in _PARTS.items() for part in parts]
    if wanted.passenger_id is not None:
        return [[part] for part in _PARTS["passenger_id"]]
    if wanted.driver_id is not None:
        return [[part] for part in _PARTS["driver_id"]]
    return [[]]


def _newest(conditions: Sequence[str]) -> str:
    where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
    return f"(SELECT r.id FROM rides r {where} ORDER BY r.id DESC LIMIT :limit)"


_DRIVERS = text(f"SELECT {driver_columns('d')} FROM drivers d WHERE d.id = ANY(:driver_ids)")


def drivers_of(session: Session, rides: Sequence[Ride]) -> dict[str, Driver]:
    """Return the drivers of some rides by their ids."""
    ids = sorted({ride.driver_id for ride in rides if ride.driver_id is not None})
    found = [to_driver(row) for row in session.execute(_DRIVERS, {"driver_ids": ids})]
    return {driver.id: driver for driver in found}
