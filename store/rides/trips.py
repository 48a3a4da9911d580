"""The driver's side: offers are answered, and rides driven."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.orm import Session

from domain.rides.model import (
    Actor,
    DriverBusyError,
    DriverNotFoundError,
    Fix,
    InvalidTransitionError,
    Offer,
    OfferExpiredError,
    OfferStatus,
    Ride,
    RideNotFoundError,
    RideStatus,
    RideTakenError,
)
from domain.rides.odometer import Advance, Odometer
from store.prepared import Prepared
from store.rides import locks
from store.rides.drivers import give_back
from store.rides.models import HAS_DRIVER
from store.rides.records import (
    first_offer,
    first_ride,
    fix_to_json,
    offer_columns,
    ride_columns,
    to_offer_and_ride,
)
from store.rides.rides import find
from store.rides.statements import FREE_DRIVER, Change, new_search, statement
from store.rides.ticks import ensure_tick

# The offer's time is compared here and not where it was read: it goes on while one waits for the locks.
_ACCEPT = statement(
    Change(
        event="matched",
        actor=Actor.DRIVER,
        prelude=f"""offer AS (UPDATE offers o SET status = 'accepted', resolved_at = clock_timestamp()
            WHERE o.id = :offer_id AND o.driver_id = :driver_id AND o.status = 'pending'
                AND o.expires_at > clock_timestamp()
                AND NOT EXISTS (SELECT FROM rides b WHERE b.driver_id = :driver_id AND b.{HAS_DRIVER})
                AND o.search_id = (SELECT w.search_id FROM rides w WHERE w.id = o.ride_id AND w.status = 'created')
            RETURNING o.ride_id, o.search_id, o.driver_id)""",
        assign="status = 'matched', search_status = 'matched', driver_id = offer.driver_id,"
        " matched_at = clock_timestamp()",
        source="offer",
        guard="r.id = (SELECT ride_id FROM offer) AND r.search_id = offer.search_id AND r.status = 'created'",
    )
)
_FIND_OFFER = Prepared(
    f"SELECT {offer_columns('o')} FROM offers o WHERE o.id = :offer_id AND o.driver_id = :driver_id"
)


def accept(session: Session, offer_id: UUID, driver_id: str) -> Ride:
    """Take the ride that was offered; idempotent as long as the driver has it.

    A ride that comes with a refusal is its passenger's, and perhaps another driver's: it is not for this one's eyes.

    Raises:
        RideNotFoundError: there is no such offer to that driver.
        RideTakenError: the ride has another driver by now, or is over.
        DriverBusyError: the driver is on another ride, which comes with it.
        OfferExpiredError: the offer is over, was answered or withdrawn.
    """
    ride = locks.lock_offered_ride(session, offer_id, driver_id)
    locks.lock_driver(session, driver_id)
    values = {"offer_id": offer_id, "driver_id": driver_id}
    if matched := first_ride(_ACCEPT.run(session, values)):
        return matched
    offer = first_offer(_FIND_OFFER.run(session, values))
    if (
        offer is not None
        and offer.status is OfferStatus.ACCEPTED
        and ride.driver_id == driver_id
        and ride.status is not RideStatus.CANCELLED
    ):
        return ride
    if ride.status is not RideStatus.CREATED:
        raise RideTakenError("the ride is no longer to be had", ride)
    if busy_with := locks.active_ride(session, driver_id):
        raise DriverBusyError("you are on another ride", busy_with)
    raise OfferExpiredError("the offer is no longer open", ride)


_DECLINE = give_back("offer_declined", "declined")


def decline(session: Session, offer_id: UUID, driver_id: str) -> Offer:
    """Refuse an offer: its ride is searched for again, without this driver; idempotent.

    Raises:
        RideNotFoundError: there is no such offer to that driver.
        OfferExpiredError: it was accepted, or is over.
    """
    ride = locks.lock_offered_ride(session, offer_id, driver_id)
    values = {"offer_id": offer_id, "driver_id": driver_id}
    _DECLINE.run(session, values)
    offer = first_offer(_FIND_OFFER.run(session, values))
    if offer is None or offer.status is not OfferStatus.DECLINED:
        raise OfferExpiredError("the offer is no longer open", ride)
    return offer


# From the drivers on, because that there is no such driver is another answer than that there is no offer. OFFSET has
# the offer looked up by its driver, and the ride by its id: a plan that was made early may walk all rides for it.
_PENDING_OFFER = Prepared(f"""
SELECT {offer_columns("o")}, {ride_columns("r")} FROM drivers d
LEFT JOIN LATERAL (SELECT * FROM offers WHERE offers.driver_id = d.id AND offers.status = 'pending'
    AND offers.expires_at > clock_timestamp() OFFSET 0) o ON true
LEFT JOIN LATERAL (SELECT * FROM rides WHERE rides.id = o.ride_id OFFSET 0) r ON true
WHERE d.id = :driver_id
""")


def pending_offer(session: Session, driver_id: str) -> tuple[Offer, Ride] | None:
    """Return the offer that waits for a driver's answer and can still be accepted, with its ride.

    Raises:
        DriverNotFoundError: nobody of that id has registered.
    """
    rows = _PENDING_OFFER.run(session, {"driver_id": driver_id})
    if not rows:
        raise DriverNotFoundError("you have not registered as a driver")
    return to_offer_and_ride(rows[0])


def find_offer(session: Session, offer_id: UUID, driver_id: str) -> Offer | None:
    """Return an offer to a driver; ``None`` if there is none, or it is another's."""
    return first_offer(_FIND_OFFER.run(session, {"offer_id": offer_id, "driver_id": driver_id}))


def _driving(event: str, assign: str, statuses: str, sequel: str = "") -> Prepared:
    return statement(
        Change(
            event=event,
            actor=Actor.DRIVER,
            assign=assign,
            guard=f"r.id = :ride_id AND r.driver_id = :driver_id AND {statuses}",
            sequel=sequel,
        )
    )


_ARRIVE = _driving("arrived", "arrived_at = clock_timestamp()", "r.status = 'matched' AND r.arrived_at IS NULL")
_START = _driving("started", "status = 'started', started_at = clock_timestamp()", "r.status = 'matched'")
_FINISH = _driving(
    "finished",
    "status = 'finished', finished_at = clock_timestamp()",
    "r.status IN ('started', 'in-progress')",
    FREE_DRIVER.format(when="true"),
)


def arrive(session: Session, ride_id: UUID, driver_id: str) -> Ride:
    """Note that the driver is at the pickup; idempotent.

    Raises:
        RideNotFoundError: there is no such ride of that driver.
        InvalidTransitionError: it has started without, or is over.
    """
    return _drive(session, _ARRIVE, (ride_id, driver_id), lambda ride: ride.arrived_at is not None)


def start(session: Session, ride_id: UUID, driver_id: str) -> Ride:
    """Begin the trip; idempotent.

    Raises:
        RideNotFoundError: there is no such ride of that driver.
        InvalidTransitionError: it was cancelled.
    """
    return _drive(session, _START, (ride_id, driver_id), lambda ride: ride.started_at is not None)


def finish(session: Session, ride_id: UUID, driver_id: str) -> Ride:
    """End the trip; the driver is free again. Idempotent.

    Raises:
        RideNotFoundError: there is no such ride of that driver.
        InvalidTransitionError: it has not started, or was cancelled.
    """
    return _drive(session, _FINISH, (ride_id, driver_id), lambda ride: ride.status is RideStatus.FINISHED)


def _drive(session: Session, change: Prepared, who: tuple[UUID, str], is_done: Callable[[Ride], bool]) -> Ride:
    ride_id, driver_id = who
    if changed := first_ride(change.run(session, {"ride_id": ride_id, "driver_id": driver_id})):
        return changed
    ride = find(session, ride_id)
    if ride is None or ride.driver_id != driver_id:
        raise RideNotFoundError("there is no such ride")
    if ride.status is not RideStatus.CANCELLED and is_done(ride):
        return ride
    raise InvalidTransitionError(f"this cannot be done now: the ride is {ride.status}", ride)


_GIVE_UP_RIDE = statement(
    Change(
        event="driver_cancelled",
        actor=Actor.DRIVER,
        assign=f"status = 'created', {new_search('ARRAY[:driver_id]')}, driver_id = NULL,"
        " search_started_at = clock_timestamp(), matched_at = NULL, arrived_at = NULL",
        guard="r.id = :ride_id AND r.driver_id = :driver_id AND r.status = 'matched'",
        told=":driver_id",
        detail="jsonb_build_object('driver_id', :driver_id)",
        sequel=FREE_DRIVER.format(when="true"),
    )
)
_HAD = Prepared("""
SELECT FROM offers o WHERE o.ride_id = :ride_id AND o.driver_id = :driver_id AND o.status = 'accepted' LIMIT 1
""")


def cancel_by_driver(session: Session, ride_id: UUID, driver_id: str) -> Ride:
    """Give a ride back that has not started: it is searched for anew, without this driver; idempotent.

    The ride that is returned is no longer the driver's to see.

    Raises:
        RideNotFoundError: there is no such ride of that driver.
        InvalidTransitionError: it has started, or was cancelled.
    """
    ride = find(session, ride_id)
    if ride is None:
        raise RideNotFoundError("there is no such ride")
    values = {"ride_id": ride_id, "driver_id": driver_id}
    if ride.driver_id == driver_id and ride.status is RideStatus.MATCHED:
        ensure_tick(session, ride.city)
        if given_back := first_ride(_GIVE_UP_RIDE.run(session, values)):
            return given_back
        ride = find(session, ride_id) or ride
    if ride.driver_id == driver_id:
        raise InvalidTransitionError(f"the ride cannot be given back: it is {ride.status}", ride)
    if _HAD.run(session, values):
        return ride
    raise RideNotFoundError("there is no such ride")


@dataclass(frozen=True, slots=True)
class RecordedFixes:
    """What became of a push. ``ride`` is what the driver was on until then; only a started one counts fixes."""

    ride: Ride | None
    accepted: tuple[Fix, ...]
    dropped: Mapping[str, int]


_RECORD = Prepared("""
WITH fixes AS (INSERT INTO ride_fixes (ride_id, at, latitude, longitude, accuracy_m)
    SELECT :ride_id, at, latitude, longitude, accuracy_m
    FROM jsonb_to_recordset(:rows) AS g(at timestamptz, latitude float8, longitude float8, accuracy_m float8)
    ON CONFLICT DO NOTHING)
UPDATE rides SET distance_travelled_m = :distance_m, gaps = :gaps, last_fix = :last_fix,
    updated_at = clock_timestamp() WHERE id = :ride_id RETURNING id
""")
_SET_OFF = _driving("in_progress", "status = 'in-progress'", "r.status = 'started'")


def record_fixes(
    session: Session, driver_id: str, fixes: Sequence[Fix], advance: Callable[[Odometer, Sequence[Fix]], Advance]
) -> RecordedFixes:
    """Add a driver's fixes to the distance of the ride that the driver is on; idempotent, as far as ``advance`` is.

    ``advance`` computes under the ride's lock, so pushes that come at once count one after the other. The first fix
    that is accepted after the start makes the ride ``in-progress``; fixes from before the start do not count.
    """
    ride = locks.lock_active_ride(session, driver_id)
    if ride is None or ride.started_at is None:
        return RecordedFixes(ride, (), {})
    counted = [fix for fix in fixes if fix.at >= ride.started_at]
    advanced = advance(Odometer(ride.distance_travelled_m, ride.gaps, ride.last_fix), counted)
    dropped = {str(reason): count for reason, count in advanced.dropped.items()}
    if len(counted) < len(fixes):
        dropped["before_start"] = len(fixes) - len(counted)
    if advanced.accepted:
        _record(session, ride.id, advanced)
        if ride.status is RideStatus.STARTED:
            _SET_OFF.run(session, {"ride_id": ride.id, "driver_id": driver_id})
    return RecordedFixes(ride, advanced.accepted, dropped)


def _record(session: Session, ride_id: UUID, advanced: Advance) -> None:
    odometer = advanced.odometer
    values = {
        "ride_id": ride_id,
        "rows": [fix_to_json(fix) for fix in advanced.accepted],
        "distance_m": odometer.distance_m,
        "gaps": odometer.gaps,
        "last_fix": None if odometer.last_fix is None else fix_to_json(odometer.last_fix),
    }
    _RECORD.run(session, values)
