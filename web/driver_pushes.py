"""A push of positions: into the index for whoever looks for drivers, and into the ride that is being driven."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from uuid import UUID

from domain.rides import odometer
from domain.rides.cities import DETOUR
from domain.rides.model import Driver, Fix
from store.rides import drivers, trips
from store.rides.trips import RecordedFixes
from web import driver_hints
from web.platform import platform

NOT_NEWER = "not_newer"
INDEX_UNAVAILABLE = "index_unavailable"


@dataclass(frozen=True, slots=True)
class Pushed:
    """How many fixes were taken, and why the others were not.

    That is for the ride's odometer to say if one runs, else for the index.
    """

    accepted: int
    dropped: Mapping[str, int]
    ride_id: UUID | None


def record(driver: Driver, fixes: Sequence[Fix]) -> Pushed:
    """Take a driver's fixes, in any order; what is not believed moves nobody on any map."""
    with platform().sessions() as session:
        ride = drivers.active_ride_of_driver(session, driver.id)
    if ride is not None and ride.started_at is not None:
        counted = _count_into_ride(driver, fixes)
        if counted.ride is not None and counted.ride.started_at is not None:
            # After the commit: who reads the new position then finds the distance that goes with it.
            driver_hints.push(driver, counted.accepted)
            return Pushed(len(counted.accepted), counted.dropped, counted.ride.id)
    return _tell_index(driver, fixes, None if ride is None else ride.id)


def _tell_index(driver: Driver, fixes: Sequence[Fix], ride_id: UUID | None) -> Pushed:
    believed = sorted((fix for fix in fixes if fix.accuracy_m <= odometer.MAX_ACCURACY_M), key=lambda fix: fix.at)
    news = driver_hints.push(driver, believed)
    accepted = 0 if news is None else sum(news)
    dropped = {
        odometer.DropReason.INACCURATE: len(fixes) - len(believed),
        INDEX_UNAVAILABLE if news is None else NOT_NEWER: len(believed) - accepted,
    }
    return Pushed(accepted, {str(reason): count for reason, count in dropped.items() if count}, ride_id)


def _count_into_ride(driver: Driver, fixes: Sequence[Fix]) -> RecordedFixes:
    tools = platform()
    # Cities come and go with the processes' files, and whoever drives in one that has gone drives on.
    city = tools.cities.get(driver.city)
    advance = partial(odometer.advance, now=datetime.now(UTC), detour=city.detour if city else DETOUR)
    return tools.ride_transactions.run(lambda session: trips.record_fixes(session, driver.id, fixes, advance))
