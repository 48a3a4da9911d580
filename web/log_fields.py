"""Which ride and which offer a request is about, in each of its lines in the log.

A request's line has the route's pattern and not its path, so that nothing else would tell. Offers name no ride: the
ride is added once it is known.
"""

from __future__ import annotations

from contextvars import ContextVar
from uuid import UUID

from flask import request

# The names make the log's formatter show them.
_RIDE_ID: ContextVar[UUID | None] = ContextVar("log_ride_id", default=None)
_OFFER_ID: ContextVar[UUID | None] = ContextVar("log_offer_id", default=None)


def begin_request() -> None:
    """Take the ids from the path; a thread's next request must not keep those of the last."""
    arguments = request.view_args or {}
    _RIDE_ID.set(arguments.get("ride_id"))
    _OFFER_ID.set(arguments.get("offer_id"))


def add_ride(ride_id: UUID) -> None:
    """Name the ride that the answer is about."""
    _RIDE_ID.set(ride_id)
