"""What the stream of a ride tells: its events and, between them, where the car is.

Events are rows, and a client that was cut off resumes after the last one it saw. A position is a hint of the driver
index, without an id: it is looked up every few seconds, and shown if it is news. No connection to the database is
held meanwhile, and while Redis is away there are just no positions.

A position is shown of a driver who still has the ride, as far as this process can know: what it has heard of a ride
counts as soon as it is heard, and where it cannot hear it asks the database again after half a minute.
"""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from flask import current_app
from sqlalchemy.exc import SQLAlchemyError

from domain.rides.model import Fix, Ride, RideEvent
from store.rides import rides
from store.rides.rides import RideVersion
from web import guards
from web.job_views import show_moment
from web.platform import platform
from web.ride_reads import locate, may_see
from web.ride_views import show_position
from web.sse import Message


class RideFollower:
    """Reads for one stream what is new about one ride, as far as the request's caller may see it.

    A stream is written when its request's context is over, so what is needed of that is kept here.
    """

    def __init__(self, ride_id: UUID) -> None:
        self._ride_id = ride_id
        self._context = current_app.app_context
        self._tools = platform()
        self._caller = guards.caller()
        self._ride: Ride | None = None
        self._shown: tuple[str, Fix] | None = None

    def read_after(self, event_id: int) -> Sequence[Message] | None:
        """Return the events after one of them; ``None``: the ride is no longer the caller's to see."""
        try:
            with self._tools.sessions() as session:
                self._ride = rides.find(session, self._ride_id)
                if self._ride is None or not may_see(self._caller, self._ride.passenger_id, self._ride.driver_id):
                    return None
                self._tools.ride_versions.hear(self._ride_id, self._ride.version)
                return [_message(event) for event in rides.events_after(session, self._ride_id, event_id)]
        except SQLAlchemyError:
            return None  # The stream ends; the client comes back with the id of the last event that it saw.

    def look(self) -> Sequence[Message]:
        """Return the driver's position if it is newer than the one shown before."""
        ride = self._ride
        if ride is None or ride.driver_id is None or not ride.status.has_driver:
            return ()
        with self._context():
            live = locate(ride)
            if live.fix is None or not self._is_news(ride.driver_id, live.fix) or not self._is_current(ride):
                return ()
            self._shown = ride.driver_id, live.fix
            return [Message(None, "position", show_position(ride, live), is_last=False)]

    def _is_news(self, driver_id: str, fix: Fix) -> bool:
        # An older one is what the ride's row still has when the index has lost what it had.
        return self._shown is None or self._shown[0] != driver_id or self._shown[1].at < fix.at

    def _is_current(self, ride: Ride) -> bool:
        """Tell whether a ride is still as it was read; if not, have it read again: the wake-up may never come."""
        try:
            seen = self._tools.ride_versions.get(ride.id, self._find_version)
        except SQLAlchemyError:
            return False
        if seen is not None and seen.version <= ride.version:
            return True
        self._tools.hub.wake(f"ride:{ride.id}")
        return False

    def _find_version(self) -> RideVersion | None:
        with self._tools.sessions() as session:
            return rides.read_version(session, self._ride_id)


def _message(event: RideEvent) -> Message:
    # Without the event's detail, which names the drivers who were asked and did not come.
    data: dict[str, object] = {
        "ride_id": str(event.ride_id),
        "at": show_moment(event.at),
        "actor": event.actor.value,
        "status": event.status.value,
        "search_status": event.search_status.value,
        "version": event.version,
    }
    return Message(event.id, event.name, data, is_last=not event.status.is_active)
