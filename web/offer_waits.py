"""Waiting for a driver's next offer."""

from __future__ import annotations

import time
from collections.abc import Callable

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from domain.rides.model import Offer, Ride
from store.rides import trips
from web.platform import platform
from web.ride_views import show_offer
from web.sse import Message, Reader

Offered = tuple[Offer, Ride]


def find_offer(sessions: Callable[[], Session], driver_id: str) -> Offered | None:
    """Return the offer that a driver can accept now, with its ride.

    Raises:
        DriverNotFoundError: nobody of that id has registered.
    """
    with sessions() as session:
        return trips.pending_offer(session, driver_id)


def wait_for_offer(driver_id: str, seconds: float) -> tuple[Offered | None, bool]:
    """Return a driver's offer as soon as there is one (``None`` after ``seconds``), and whether it was waited for.

    The server caps the time; and when all places for waiting are taken, the answer is what there is at once.

    Raises:
        DriverNotFoundError: nobody of that id has registered.
    """
    tools = platform()
    deadline = time.monotonic() + min(seconds, tools.bounds.max_wait_s)
    with tools.waiters.take() as has_place:
        if not has_place or seconds <= 0:
            return find_offer(tools.sessions, driver_id), False
        # Subscribed before the read: an offer that is written after it is heard of.
        with tools.metrics.waiting("offers").track_inprogress(), tools.hub.watch(driver_key(driver_id)) as watch:
            while True:
                offered = find_offer(tools.sessions, driver_id)
                if offered is not None or not watch.wait(deadline - time.monotonic()):
                    return offered, True


def driver_key(driver_id: str) -> str:
    """Return the key under which the hub is woken for a driver."""
    return f"driver:{driver_id}"


def offer_reader(driver_id: str) -> Reader:
    """Return a reader of a driver's offers as they come, and go again without having been answered.

    It tells how things are rather than what has happened: an offer that came and went between two readings was never
    to be had, and a stream that begins again begins with the offer that is open.
    """
    sessions = platform().sessions
    shown: Offer | None = None

    def read_after(_: int) -> list[Message] | None:
        nonlocal shown
        try:
            offered = find_offer(sessions, driver_id)
        except SQLAlchemyError:
            return None
        messages = []
        if shown is not None and (offered is None or offered[0].id != shown.id):
            messages.append(Message(None, "offer_closed", {"id": str(shown.id)}, is_last=False))
        if offered is not None and (shown is None or offered[0].id != shown.id):
            messages.append(Message(None, "offer", show_offer(*offered), is_last=False))
        shown = None if offered is None else offered[0]
        return messages

    return read_after
