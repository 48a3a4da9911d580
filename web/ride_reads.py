"""Reading rides for whoever may see them, with what is known of them beyond their rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from domain.rides.geo import distance_m
from domain.rides.model import Driver, Place, Ride, RideNotFoundError, RideStatus
from domain.rides.ports import Etas
from store.api_keys import ApiKey
from store.rides import drivers, rides
from store.rides.rides import RideVersion
from web import driver_hints, guards
from web.platform import platform
from web.ride_views import Live, milliseconds_of, ride_etag, show_ride

ARRIVING_M = 200.0

_NOT_FOUND = "there is no such ride"


def may_see(caller: ApiKey, passenger_id: str, driver_id: str | None) -> bool:
    """Tell whether a ride is for the caller's eyes: its passenger's, the driver's who has it, administrators'.

    Whoever was only asked to drive it does not see it, nor who has given it back.
    """
    return caller.is_admin or caller.owner in (passenger_id, driver_id)


def find_visible(ride_id: UUID) -> Ride:
    """Return a ride.

    Raises:
        RideNotFoundError: there is none that the caller may see.
    """
    with platform().sessions() as session:
        ride = rides.find(session, ride_id)
    if ride is None or not may_see(guards.caller(), ride.passenger_id, ride.driver_id):
        raise RideNotFoundError(_NOT_FOUND)
    return ride


def find_current() -> Ride:
    """Return the ride that the caller is on: as the passenger, else as the driver.

    Raises:
        RideNotFoundError: there is none.
    """
    owner = guards.caller().owner
    with platform().sessions() as session:
        ride = rides.find_current(session, owner) or drivers.active_ride_of_driver(session, owner)
    if ride is None:
        raise RideNotFoundError("you are on no ride")
    platform().ride_versions.hear(ride.id, ride.version)
    return ride


def is_unchanged(ride_id: UUID, is_known: Callable[[str], bool]) -> tuple[RideStatus, str] | None:
    """Return a ride's status and entity tag if the caller knows that tag; ``None``: the ride has to be shown.

    Passengers ask every few seconds, and mostly for this: one read of Redis, and in half a minute one of PostgreSQL.

    Raises:
        RideNotFoundError: there is no ride that the caller may see.
    """
    tools = platform()

    def find() -> RideVersion | None:
        with tools.sessions() as session:
            return rides.read_version(session, ride_id)

    seen = tools.ride_versions.get(ride_id, find)
    if seen is None or not may_see(guards.caller(), seen.passenger_id, seen.driver_id):
        raise RideNotFoundError(_NOT_FOUND)
    position_ms = 0
    if seen.driver_id is not None and seen.status.has_driver:
        position = driver_hints.last_position(seen.city, seen.driver_id)
        if position is None:
            return None
        position_ms = milliseconds_of(position)
    etag = ride_etag(ride_id, seen.version, position_ms)
    return (seen.status, etag) if is_known(etag) else None


def look(ride: Ride, driver: Driver | None = None) -> Live:
    """Find out what is not in the ride's row; the driver's position only while there is a ride to be followed.

    ``driver`` is one who was just read, and needs not be read again.
    """
    # Who has been shown this version is not told afterwards that an older one is still the last.
    platform().ride_versions.hear(ride.id, ride.version)
    if ride.driver_id is None:
        return Live()
    if driver is None or driver.id != ride.driver_id:
        with platform().sessions() as session:
            driver = drivers.find_driver(session, ride.driver_id)
    return replace(locate(ride), driver=driver)


def locate(ride: Ride) -> Live:
    """Find out where a ride's car is, and how long the ways still take, without asking the database."""
    if ride.driver_id is None or not ride.status.has_driver:
        return Live()
    position = driver_hints.last_position(ride.city, ride.driver_id)
    # Without the index there is still the last fix that was counted into the distance; its age tells how old it is.
    fix = ride.last_fix if position is None else position
    live = Live(fix=fix, position_ms=None if position is None else milliseconds_of(position))
    return live if fix is None else _with_times(ride, live, fix.place)


def show_if_visible(ride: Ride) -> dict[str, object] | None:
    """Return the ride's JSON for the answer to a refusal; ``None`` if the caller may not see it, or not just now."""
    if not may_see(guards.caller(), ride.passenger_id, ride.driver_id):
        return None
    try:
        return show_ride(ride, look(ride))
    except SQLAlchemyError:
        return None


def _with_times(ride: Ride, live: Live, place: Place) -> Live:
    is_on_the_way = ride.status is RideStatus.MATCHED and ride.arrived_at is None
    if is_on_the_way:
        live = replace(live, is_near_pickup=distance_m(place, ride.pickup) < ARRIVING_M)
    stops = (place, ride.pickup, ride.destination) if is_on_the_way else (place, ride.destination)
    etas = _drive_times(ride.city, stops)
    if etas is None or not math.isfinite(etas.seconds[0]):
        return live
    total_s = float(etas.seconds.sum())
    return replace(
        live,
        pickup_eta_s=round(float(etas.seconds[0])) if is_on_the_way else None,
        destination_eta_s=round(total_s) if math.isfinite(total_s) else None,
        eta_source=etas.source,
    )


def _drive_times(city: str, stops: tuple[Place, ...]) -> Etas | None:
    """Return the seconds from each stop to the next; ``None`` in a city that this process does not know.

    A router takes its time, and everybody who follows a ride asks the same of it, until the car has moved.
    """
    tools = platform()
    provider = tools.etas.get(city)
    if provider is None:
        return None
    return tools.drive_times.get((city, stops), lambda: provider.pairs(stops[:-1], stops[1:]))
