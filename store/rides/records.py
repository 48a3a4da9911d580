"""How rows of rides, offers, drivers and events become the records of ``domain.rides.model``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from decimal import Decimal
from typing import cast

from domain.rides.model import (
    Actor,
    Driver,
    DriverStatus,
    Fix,
    Offer,
    OfferStatus,
    Place,
    Quote,
    Ride,
    RideEvent,
    RideStatus,
    SearchStatus,
    Vehicle,
)

QUOTE_FIELDS = tuple(field.name for field in fields(Quote))
_COLUMNS_OF = {
    "pickup": ("pickup_latitude", "pickup_longitude"),
    "destination": ("destination_latitude", "destination_longitude"),
    "quote": QUOTE_FIELDS,
}
_RIDE_COLUMNS = tuple(name for field in fields(Ride) for name in _COLUMNS_OF.get(field.name, (field.name,)))
OFFER_COLUMNS = tuple(field.name for field in fields(Offer))
_DRIVER_COLUMNS = tuple(field.name for field in fields(Driver))
_EVENT_COLUMNS = tuple(field.name for field in fields(RideEvent))


def ride_columns(table: str) -> str:
    """Return the columns that ``to_ride`` reads, in its order, for a SELECT from ``table``."""
    return ", ".join(f"{table}.{name}" for name in _RIDE_COLUMNS)


def offer_columns(table: str) -> str:
    """Return the columns that ``to_offer`` reads, in its order, for a SELECT from ``table``."""
    return ", ".join(f"{table}.{name}" for name in OFFER_COLUMNS)


def driver_columns(table: str) -> str:
    """Return the columns that ``to_driver`` reads, in its order, for a SELECT from ``table``."""
    return ", ".join(f"{table}.{name}" for name in _DRIVER_COLUMNS)


def event_columns(table: str) -> str:
    """Return the columns that ``to_event`` reads, in its order, for a SELECT from ``table``."""
    return ", ".join(f"{table}.{name}" for name in _EVENT_COLUMNS)


def to_ride(row: Sequence[object]) -> Ride:
    """Build a ride from a row that begins with ``ride_columns``."""
    values = dict(zip(_RIDE_COLUMNS, row, strict=False))
    places = {
        name: Place(*(cast("float", values.pop(column)) for column in _COLUMNS_OF[name]))
        for name in ("pickup", "destination")
    }
    quote = {name: values.pop(name) for name in QUOTE_FIELDS} | {"surge": float(cast("Decimal", row[_SURGE]))}
    last_fix, cancelled_by = values["last_fix"], values["cancelled_by"]
    values |= {
        "status": RideStatus(cast("str", values["status"])),
        "search_status": SearchStatus(cast("str", values["search_status"])),
        "excluded_drivers": tuple(cast("list[str]", values["excluded_drivers"])),
        "last_fix": None if last_fix is None else fix_from_json(cast("Mapping[str, object]", last_fix)),
        "cancelled_by": None if cancelled_by is None else Actor(cast("str", cancelled_by)),
    }
    return Ride(**values, **places, quote=Quote(**quote))  # type: ignore[arg-type]  # The columns are of these types.


_SURGE = _RIDE_COLUMNS.index("surge")


def to_offer(row: Sequence[object]) -> Offer:
    """Build an offer from a row that begins with ``offer_columns``."""
    values = dict(zip(OFFER_COLUMNS, row, strict=False))
    values["status"] = OfferStatus(cast("str", values["status"]))
    return Offer(**values)  # type: ignore[arg-type]  # The columns are of the fields' types.


def to_driver(row: Sequence[object]) -> Driver:
    """Build a driver from a row that begins with ``driver_columns``."""
    values = dict(zip(_DRIVER_COLUMNS, row, strict=False))
    values["vehicle"] = Vehicle(**cast("dict[str, str]", values["vehicle"]))
    values["status"] = DriverStatus(cast("str", values["status"]))
    return Driver(**values)  # type: ignore[arg-type]  # The columns are of the fields' types.


def to_event(row: Sequence[object]) -> RideEvent:
    """Build an event from a row of ``event_columns``."""
    values = dict(zip(_EVENT_COLUMNS, row, strict=False))
    values["actor"] = Actor(cast("str", values["actor"]))
    values["status"] = RideStatus(cast("str", values["status"]))
    values["search_status"] = SearchStatus(cast("str", values["search_status"]))
    return RideEvent(**values)  # type: ignore[arg-type]  # The columns are of the fields' types.


def to_driver_and_ride(row: Sequence[object]) -> tuple[Driver, Ride | None]:
    """Build a driver and the ride that was joined, if any, from ``driver_columns`` and then ``ride_columns``."""
    ride = row[len(_DRIVER_COLUMNS) :]
    return to_driver(row), None if ride[0] is None else to_ride(ride)


def to_offer_and_ride(row: Sequence[object]) -> tuple[Offer, Ride] | None:
    """Build an offer and its ride, if one was joined, from ``offer_columns`` and then ``ride_columns``."""
    return None if row[0] is None else (to_offer(row), to_ride(row[len(OFFER_COLUMNS) :]))


def first_ride(rows: Sequence[Sequence[object]]) -> Ride | None:
    """Build a ride from the first of ``rows``, or nothing from nothing."""
    return to_ride(rows[0]) if rows else None


def first_offer(rows: Sequence[Sequence[object]]) -> Offer | None:
    """Build an offer from the first of ``rows``, or nothing from nothing."""
    return to_offer(rows[0]) if rows else None


def fix_to_json(fix: Fix) -> dict[str, object]:
    """Return a fix as JSON; ``fix_from_json`` reads it."""
    return {
        "latitude": fix.place.latitude,
        "longitude": fix.place.longitude,
        "at": fix.at.isoformat(),
        "accuracy_m": fix.accuracy_m,
        "bearing": fix.bearing,
    }


def fix_from_json(value: Mapping[str, object]) -> Fix:
    """Return the fix that was written as ``value``."""
    return Fix(
        Place(cast("float", value["latitude"]), cast("float", value["longitude"])),
        datetime.fromisoformat(cast("str", value["at"])),
        cast("float", value["accuracy_m"]),
        cast("float | None", value["bearing"]),
    )
