"""The passenger's side: rides are wished for, searched for, changed, cancelled and read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import cast
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from domain.rides.model import (
    Actor,
    CurrentTripExistsError,
    IdempotencyMismatchError,
    InvalidTransitionError,
    NewRide,
    Place,
    Quote,
    Ride,
    RideEvent,
    RideNotFoundError,
    RideStatus,
    SearchStatus,
)
from store.prepared import Prepared
from store.rides.locks import lock_ride
from store.rides.models import IS_ACTIVE, IS_GOING_ON, IS_OPEN, IS_OVER
from store.rides.records import QUOTE_FIELDS, event_columns, first_ride, ride_columns, to_event, to_ride
from store.rides.statements import (
    FREE_DRIVER,
    SEARCH_S,
    VOID_OFFER,
    VOIDED_DRIVER,
    Change,
    new_search,
    notify,
    statement,
    write_events,
)
from store.rides.ticks import ensure_tick

OPEN_SEARCH = (SearchStatus.SEARCHING, SearchStatus.OFFERED)


@dataclass(frozen=True, slots=True)
class RideEdit:
    """A trip as it is to be; ``None`` is as before. ``quote`` is the estimate for the whole of the new trip."""

    pickup: Place | None
    destination: Place | None
    quote: Quote


@dataclass(frozen=True, slots=True)
class RideVersion:
    """As much of a ride as says who may see it, and whether it has changed."""

    version: int
    status: RideStatus
    passenger_id: str
    driver_id: str | None
    city: str


_TRIP_FIELDS = ("pickup_latitude", "pickup_longitude", "destination_latitude", "destination_longitude", *QUOTE_FIELDS)
_TRIP_TYPES = """pickup_latitude float8, pickup_longitude float8, destination_latitude float8,
    destination_longitude float8, distance_m int, duration_s int, price_low int, price_high int, currency text,
    surge numeric"""
# Either unique index may refuse: the passenger has an active ride, or has just used the key. Which, is read then.
_CREATE = Prepared(f"""
WITH given AS (SELECT * FROM jsonb_to_record(:row) AS g(
    id uuid, passenger_id text, city text, product text, is_searching bool, {_TRIP_TYPES})),
changed AS (INSERT INTO rides AS r (id, passenger_id, city, product, {", ".join(_TRIP_FIELDS)},
        idempotency_key, fingerprint, search_status, search_id, search_started_at, search_deadline)
    SELECT id, passenger_id, city, product, {", ".join(_TRIP_FIELDS)}, :key, :fingerprint,
        CASE WHEN is_searching THEN 'searching' ELSE 'idle' END, CASE WHEN is_searching THEN gen_random_uuid() END,
        CASE WHEN is_searching THEN clock_timestamp() END,
        CASE WHEN is_searching THEN clock_timestamp() + interval '{SEARCH_S:.0f} seconds' END
    FROM given ON CONFLICT DO NOTHING RETURNING r.*, '{{}}'::jsonb AS detail),
{write_events("created", Actor.PASSENGER)}
SELECT {ride_columns("c")}, {notify("NULL")} FROM changed c
""")
_USED_KEY = Prepared(f"""
SELECT {ride_columns("r")}, r.fingerprint FROM rides r
WHERE r.passenger_id = :passenger_id AND r.idempotency_key = :key
""")


def create(session: Session, new_ride: NewRide, idempotency: tuple[str, bytes] | None = None) -> tuple[Ride, bool]:
    """Write a ride, and have its driver searched for if it says so; return it, and whether it was there already.

    ``idempotency`` is the request's key and its fingerprint: the same key makes one ride, however often it comes.

    Raises:
        CurrentTripExistsError: the passenger has an active ride already.
        IdempotencyMismatchError: the key made a ride from another request.
    """
    key, fingerprint = idempotency or (None, None)
    values = {"row": _as_row(new_ride), "key": key, "fingerprint": fingerprint}
    if replayed := find_replay(session, new_ride.passenger_id, key, fingerprint):
        return replayed, True
    if new_ride.is_searching:
        ensure_tick(session, new_ride.city)
    while True:
        if ride := first_ride(_CREATE.run(session, values)):
            return ride, False
        if replayed := find_replay(session, new_ride.passenger_id, key, fingerprint):
            return replayed, True
        # Should that ride have ended by now, the passenger may have another one.
        if current := find_current(session, new_ride.passenger_id):
            raise CurrentTripExistsError("you have an active ride already", current)


def _as_row(new_ride: NewRide) -> dict[str, object]:
    return {
        "id": str(uuid7()),
        "passenger_id": new_ride.passenger_id,
        "city": new_ride.city,
        "product": new_ride.product,
        "is_searching": new_ride.is_searching,
        **_trip(new_ride.pickup, new_ride.destination, new_ride.quote),
    }


def _trip(pickup: Place, destination: Place, quote: Quote) -> dict[str, object]:
    return {
        "pickup_latitude": pickup.latitude,
        "pickup_longitude": pickup.longitude,
        "destination_latitude": destination.latitude,
        "destination_longitude": destination.longitude,
        **asdict(quote),
    }


def find_replay(session: Session, passenger_id: str, key: str | None, fingerprint: bytes | None) -> Ride | None:
    """Return the ride that an earlier request of the passenger with this key has made.

    Raises:
        IdempotencyMismatchError: that was another request.
    """
    rows = _USED_KEY.run(session, {"passenger_id": passenger_id, "key": key}) if key is not None else ()
    if not rows:
        return None
    if bytes(cast("memoryview", rows[0][-1])) != fingerprint:
        raise IdempotencyMismatchError("the idempotency key was used for another request")
    return to_ride(rows[0])


# No offer is pending while no search is open, so the ride's row is all that is touched.
_START_SEARCH = statement(
    Change(
        event="search_started",
        actor=Actor.PASSENGER,
        assign=f"{new_search()}, search_started_at = clock_timestamp()",
        guard="r.id = :ride_id AND r.passenger_id = :passenger_id AND r.status = 'created'"
        " AND r.search_status IN ('idle', 'no_drivers_available')",
    )
)


def start_search(session: Session, ride_id: UUID, passenger_id: str) -> Ride:
    """Look for a driver, with nobody excluded; a search that is open already goes on.

    Raises:
        RideNotFoundError: there is no such ride of that passenger.
        InvalidTransitionError: the ride has a driver or is over.
    """
    ensure_tick(session, _of_passenger(session, ride_id, passenger_id).city)
    if ride := first_ride(_START_SEARCH.run(session, {"ride_id": ride_id, "passenger_id": passenger_id})):
        return ride
    ride = _of_passenger(session, ride_id, passenger_id)
    if ride.search_status in OPEN_SEARCH:
        return ride
    raise InvalidTransitionError(f"no driver can be searched for: the ride is {ride.status}", ride)


# The ride is locked before, so what this reads is what the statement changes.
_BEFORE = f"before AS (SELECT {', '.join(_TRIP_FIELDS)} FROM rides WHERE id = :ride_id)"
_GIVEN = f"given AS (SELECT * FROM jsonb_to_record(:row) AS g({_TRIP_TYPES}))"
_BOTH_TRIPS = "jsonb_build_object('before', (SELECT to_jsonb(b) FROM before b), 'after', to_jsonb(given))"
# Who waits keeps the place in the queue: the new search began when the old one did.
_EDIT = statement(
    Change(
        event="edited",
        actor=Actor.PASSENGER,
        prelude=f"{_BEFORE}, {_GIVEN}, {VOID_OFFER}",
        # Whoever has arrived has done so at the old pickup.
        assign=", ".join(f"{name} = given.{name}" for name in _TRIP_FIELDS)
        + ", arrived_at = CASE WHEN (r.pickup_latitude, r.pickup_longitude) ="
        " (given.pickup_latitude, given.pickup_longitude) THEN r.arrived_at END",
        source="given",
        guard=f"r.id = :ride_id AND r.{IS_ACTIVE} AND r.search_status NOT IN ('searching', 'offered')",
        detail=_BOTH_TRIPS,
    )
)
_EDIT_SEARCHED = statement(
    Change(
        event="edited",
        actor=Actor.PASSENGER,
        prelude=f"{_BEFORE}, {_GIVEN}, {VOID_OFFER}",
        assign=", ".join([new_search(), *(f"{name} = given.{name}" for name in _TRIP_FIELDS)]),
        source="given",
        guard="r.id = :ride_id AND r.search_status IN ('searching', 'offered')",
        told=VOIDED_DRIVER,
        detail=_BOTH_TRIPS,
    )
)


def edit(session: Session, ride_id: UUID, passenger_id: str, edit: RideEdit) -> Ride:
    """Change where a ride goes, or begins while it has not started; idempotent. The event keeps both trips.

    What was searched or offered for the old trip is void: a pending offer is withdrawn, and an open search is
    followed by a new one that excludes nobody.

    Raises:
        RideNotFoundError: there is no such ride of that passenger.
        InvalidTransitionError: it is over, or its pickup was to change after its start.
    """
    ride = _check_passenger(lock_ride(session, ride_id), passenger_id)
    pickup, destination = edit.pickup or ride.pickup, edit.destination or ride.destination
    if (pickup, destination) == (ride.pickup, ride.destination):
        return ride
    if pickup != ride.pickup and ride.status not in (RideStatus.CREATED, RideStatus.MATCHED):
        raise InvalidTransitionError(f"the pickup cannot change any more: the ride is {ride.status}", ride)
    change = _EDIT_SEARCHED if ride.search_status in OPEN_SEARCH else _EDIT
    changed = first_ride(change.run(session, {"ride_id": ride_id, "row": _trip(pickup, destination, edit.quote)}))
    if changed is None:
        raise InvalidTransitionError(f"the ride cannot change any more: it is {ride.status}", ride)
    return changed


def _cancelling(actor: Actor, statuses: str, detail: str = "'{}'::jsonb") -> Prepared:
    return statement(
        Change(
            event="cancelled",
            actor=actor,
            prelude=VOID_OFFER,
            assign=f"status = 'cancelled', cancelled_by = '{actor}', status_detail = :reason,"
            " finished_at = clock_timestamp(), search_status ="
            " CASE WHEN r.search_status IN ('searching', 'offered') THEN 'idle' ELSE r.search_status END",
            guard=f"r.id = :ride_id AND r.status IN ({statuses})",
            sequel=FREE_DRIVER.format(when="c.driver_id IS NOT NULL"),
            told=f"coalesce(r.driver_id, {VOIDED_DRIVER})",
            detail=detail,
        )
    )


_CANCEL = _cancelling(Actor.PASSENGER, "'created', 'matched'")
_CANCEL_ANY = _cancelling(
    Actor.SYSTEM,
    "'created', 'matched', 'started', 'in-progress'",
    "jsonb_strip_nulls(jsonb_build_object('reason', :reason, 'operator', :operator))",
)


def cancel_by_passenger(session: Session, passenger_id: str, ride_id: UUID | None = None) -> Ride:
    """Cancel a ride that has not started (``None``: the passenger's active one); idempotent.

    Raises:
        RideNotFoundError: there is no such ride of that passenger.
        InvalidTransitionError: it has started.
    """
    if ride_id is None:
        ride_id = _to_be_cancelled(session, passenger_id)
    ride = _check_passenger(lock_ride(session, ride_id), passenger_id)
    return _cancel(session, _CANCEL, ride, {"reason": None})


def cancel_by_system(session: Session, ride_id: UUID, reason: str, operator: str | None = None) -> Ride:
    """Cancel an active ride whatever its status, for an operator who frees a stuck driver or passenger; idempotent.

    Passenger and driver are shown the reason; who the operator is stands in the event only.

    Raises:
        RideNotFoundError: there is no such ride.
        InvalidTransitionError: it has finished.
    """
    return _cancel(session, _CANCEL_ANY, lock_ride(session, ride_id), {"reason": reason, "operator": operator})


def _cancel(session: Session, change: Prepared, ride: Ride, why: Mapping[str, str | None]) -> Ride:
    if ride.status is RideStatus.CANCELLED:
        return ride
    cancelled = first_ride(change.run(session, {"ride_id": ride.id, **why}))
    if cancelled is None:
        raise InvalidTransitionError(f"the ride cannot be cancelled any more: it is {ride.status}", ride)
    return cancelled


_FIND = Prepared(f"SELECT {ride_columns('r')} FROM rides r WHERE r.id = :ride_id")
_FIND_CURRENT = Prepared(
    f"SELECT {ride_columns('r')} FROM rides r WHERE r.passenger_id = :passenger_id AND r.{IS_GOING_ON}"
)
_LAST = Prepared(f"""
SELECT r.id, r.status FROM rides r WHERE r.passenger_id = :passenger_id AND r.{IS_OVER} ORDER BY r.id DESC LIMIT 1
""")
_READ_VERSION = Prepared("SELECT version, status, passenger_id, driver_id, city FROM rides WHERE id = :ride_id")
_OPEN_PICKUPS = Prepared(f"""
SELECT r.pickup_latitude, r.pickup_longitude FROM rides r
WHERE r.city = :city AND r.{IS_OPEN} AND r.product = :product
""")
# A ride has few events, and their versions are in the order of their ids.
_EVENTS_AFTER = Prepared(f"""
SELECT {event_columns("e")} FROM ride_events e WHERE e.ride_id = :ride_id AND e.id > :after ORDER BY e.version
""")


def find(session: Session, ride_id: UUID) -> Ride | None:
    """Return a ride."""
    return first_ride(_FIND.run(session, {"ride_id": ride_id}))


def find_current(session: Session, passenger_id: str) -> Ride | None:
    """Return the active ride of a passenger."""
    return first_ride(_FIND_CURRENT.run(session, {"passenger_id": passenger_id}))


def read_version(session: Session, ride_id: UUID) -> RideVersion | None:
    """Return what is needed to answer that nothing has changed; ``None`` if there is no such ride."""
    rows = _READ_VERSION.run(session, {"ride_id": ride_id})
    if not rows:
        return None
    version, status, *rest = rows[0]
    # The other columns are of the fields' types.
    return RideVersion(cast("int", version), RideStatus(cast("str", status)), *rest)  # type: ignore[arg-type]


def events_after(session: Session, ride_id: UUID, event_id: int = 0) -> list[RideEvent]:
    """Return a ride's events that came after the event ``event_id``, the oldest first."""
    return [to_event(row) for row in _EVENTS_AFTER.run(session, {"ride_id": ride_id, "after": event_id})]


def open_pickups(session: Session, city: str, product: str) -> list[Place]:
    """Return where passengers wait for a driver; one whose offer nobody has accepted yet still waits."""
    rows = _OPEN_PICKUPS.run(session, {"city": city, "product": product})
    return [Place(cast("float", latitude), cast("float", longitude)) for latitude, longitude in rows]


def _to_be_cancelled(session: Session, passenger_id: str) -> UUID:
    """Return the active ride or, for whoever repeats a cancel whose answer was lost, the last one if cancelled."""
    if current := find_current(session, passenger_id):
        return current.id
    rows = _LAST.run(session, {"passenger_id": passenger_id})
    if rows and rows[0][1] == RideStatus.CANCELLED:
        return cast("UUID", rows[0][0])
    raise RideNotFoundError("you have no active ride")


def _of_passenger(session: Session, ride_id: UUID, passenger_id: str) -> Ride:
    ride = find(session, ride_id)
    if ride is None:
        raise RideNotFoundError("there is no such ride")
    return _check_passenger(ride, passenger_id)


def _check_passenger(ride: Ride, passenger_id: str) -> Ride:
    if ride.passenger_id != passenger_id:
        raise RideNotFoundError("there is no such ride")
    return ride
