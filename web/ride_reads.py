"""Reading rides for whoever may see them, with what is known of them beyond their rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError

from domain.rides.geo import distance_m
from domain.rides.model import Place, Ride, RideNotFoundError, RideStatus
from store.api_keys import ApiKey
from store.rides import drivers, rides
from store.rides.rides import RideVersion
from web import driver_hints, guards
from web.platform import platform
from web.ride_views import Live, ride_etag, show_ride

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
    seq = 0
    if seen.driver_id is not None and seen.status.has_driver:
        position = driver_hints.last_position(seen.city, seen.driver_id)
        if position is None:
            return None
        seq = position.seq
    etag = ride_etag(seen.version, seq)
    return (seen.status, etag) if is_known(etag) else None


def look(ride: Ride) -> Live:
    """Find out what is not in the ride's row; the driver's position only while there is a ride to be followed."""
    # Who has been shown this version is not told afterwards that an older one is still the last.
    platform().ride_versions.hear(ride.id, ride.version)
    if ride.driver_id is None:
        return Live()
    with platform().sessions() as session:
        driver = drivers.find_driver(session, ride.driver_id)
    if not ride.status.has_driver:
        return Live(driver)
    position = driver_hints.last_position(ride.city, ride.driver_id)
    # Without the index there is still the last fix that was counted into the distance; its age tells how old it is.
    fix = ride.last_fix if position is None else position.fix
    live = Live(driver, fix, None if position is None else position.seq)
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
    target = ride.pickup if ride.status is RideStatus.MATCHED else ride.destination
    etas = platform().etas[ride.city].pairs([place], [target])
    seconds = float(etas.seconds[0])
    if not math.isfinite(seconds):
        return live
    if ride.status is not RideStatus.MATCHED:
        return replace(live, destination_eta_s=round(seconds))
    return replace(
        live,
        pickup_eta_s=round(seconds),
        eta_source=etas.source,
        destination_eta_s=round(seconds) + ride.quote.duration_s,
        is_arriving=ride.arrived_at is not None or distance_m(place, ride.pickup) < ARRIVING_M,
    )
