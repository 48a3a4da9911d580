"""A push of positions: into the ride that is being driven, and into the index for whoever looks for drivers.

The index is told what is believed and no more: it is where passengers see the car, what times to go are worked out
from, and who is asked for a ride. During a ride the odometer says what that is. Without one there is no last position
to hold against the next, so only the phone's own doubt is heard, and the fix's age.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from domain.rides import odometer
from domain.rides.cities import DETOUR
from domain.rides.model import Driver, Fix, Ride
from domain.rides.odometer import DropReason
from domain.rides.ports import STALE_S
from store.rides import trips
from store.rides.trips import RecordedFixes
from web import driver_hints
from web.platform import platform

NOT_NEWER = "not_newer"
STALE = "stale"
INDEX_UNAVAILABLE = "index_unavailable"


@dataclass(frozen=True, slots=True)
class Pushed:
    """How many fixes were taken, and why the others were not.

    That is for the ride's odometer to say if one runs, else for the index.
    """

    accepted: int
    dropped: Mapping[str, int]
    ride_id: UUID | None


def record(driver: Driver, ride: Ride | None, fixes: Sequence[Fix]) -> Pushed:
    """Take a driver's fixes, in any order; ``ride`` is the one that the driver was on a moment ago."""
    if ride is not None and ride.started_at is not None:
        counted = _count_into_ride(driver, fixes)
        if counted.ride is not None and counted.ride.started_at is not None:
            # After the commit: who reads the new position then finds the distance that goes with it.
            driver_hints.push(driver, counted.accepted)
            return Pushed(len(counted.accepted), counted.dropped, counted.ride.id)
        ride = counted.ride  # The one that was started has ended meanwhile.
    return _show(driver, ride, fixes)


def _show(driver: Driver, ride: Ride | None, fixes: Sequence[Fix]) -> Pushed:
    oldest = datetime.now(UTC) - timedelta(seconds=STALE_S)
    dropped: Counter[str] = Counter()
    believed: list[Fix] = []
    for fix in sorted(fixes, key=lambda fix: fix.at):
        if fix.accuracy_m > odometer.MAX_ACCURACY_M:
            dropped[DropReason.INACCURATE] += 1
        # Who waits for this car sees an old position with its age; to be asked for a ride it is of no use.
        elif ride is None and fix.at <= oldest:
            dropped[STALE] += 1
        else:
            believed.append(fix)
    news = driver_hints.push(driver, believed)
    accepted = 0 if news is None else sum(news)
    if accepted < len(believed):
        dropped[INDEX_UNAVAILABLE if news is None else NOT_NEWER] = len(believed) - accepted
    return Pushed(accepted, dropped, None if ride is None else ride.id)


def _count_into_ride(driver: Driver, fixes: Sequence[Fix]) -> RecordedFixes:
    tools = platform()
    # Cities come and go with the processes' files, and whoever drives in one that has gone drives on.
    city = tools.cities.get(driver.city)
    advance = partial(odometer.advance, now=datetime.now(UTC), detour=city.detour if city else DETOUR)
    return tools.ride_transactions.run(lambda session: trips.record_fixes(session, driver.id, fixes, advance))
