"""Rides: passengers order, change and follow them, drivers drive them."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from domain.rides.model import Ride, RideNotFoundError, RideStatus
from store.rides import lists, rides, trips
from store.rides.lists import RideFilter
from web import driver_hints, guards
from web.answers import answers, header_parameter, headers, problems
from web.cursors import decode_cursor, next_page, page_response
from web.platform import platform
from web.preferences import MAX_KEY_LENGTH
from web.problems import FieldError, InvalidFieldsError
from web.ride_orders import edit, order
from web.ride_reads import find_current, find_visible, is_unchanged, look
from web.ride_streams import RideFollower
from web.ride_views import Live, add_ride_headers, ride_response, show_ride
from web.schemas.rides import RideEditIn, RideIn, RideListQuery, RideOut, RidePage
from web.sse import Reader
from web.streams import LAST_EVENT_ID, last_event_id, open_stream, stream_of

blueprint = APIBlueprint("rides", __name__, url_prefix="/v1/rides", tag="Rides")
blueprint.before_request(guards.require_key)

_KEY = header_parameter(
    "Idempotency-Key",
    "Makes a repeated request safe: the same key and body give the same ride.",
    minLength=1,
    maxLength=MAX_KEY_LENGTH,
    pattern="^[\\x21-\\x7e]+$",
)
_KNOWN = header_parameter("If-None-Match", "An ETag: 304 when the ride and the car are still where they were.")
_READ = answers(
    {
        200: {"headers": headers(ETag="The ride's version and the position's time.", Retry_After="poll_after_s.")},
        304: {"description": "Neither the ride nor the driver's position has changed."},
    },
    problems(404),
)
_NO_EVENTS = {"description": "The ride is over, and every event of it has been seen."}
_STREAM = stream_of(
    "ride_id, at, actor, status, search_status, version; "
    "that of a position is ride_id, uber_status, location, pickup, destination"
)


@blueprint.post("")
@blueprint.input(RideIn, arg_name="body")
@blueprint.output(RideOut, 201, description="The ride.")
@blueprint.doc(
    operation_id="createRide",
    responses=answers(
        {
            201: {
                "headers": headers(
                    Location="The ride.", Idempotent_Replayed="true: an earlier request with this key made the ride."
                )
            }
        },
        problems(400, 403, 404, 409, 413, 415, 422, 429),
    ),
    extensions={"x-parameters": [_KEY]},
)
def create_ride(body: RideIn) -> Response:
    """Order a ride.

    A driver is searched for at once, unless `search` is false. A surge above `max_surge` is not charged: the refusal
    (409 `surge`) has the present price, to be agreed to. A passenger has one active ride at most: the refusal of a
    second one (409 `current_trip_exists`) has the first one in it.
    """
    ride, is_replayed = order(body)
    response = ride_response(ride, look(ride), 201)
    response.headers["Location"] = f"/v1/rides/{ride.id}"
    if is_replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@blueprint.get("")
@blueprint.input(RideListQuery, location="query", arg_name="query")
@blueprint.output(RidePage, description="One page.")
@blueprint.doc(
    operation_id="listRides",
    responses=answers(
        {200: {"headers": headers(Link="rel=next: the following page, if there is one.")}}, problems(422)
    ),
)
def list_rides(query: RideListQuery) -> Response:
    """List rides, the newest first: the caller's own, as passenger or driver; an administrator's are everybody's.

    Positions and times to go are shown of a single ride only.
    """
    status = None if query.status is None else RideStatus(query.status)
    wanted = RideFilter(guards.visible_owner(), status, query.city, query.passenger, query.driver)
    with platform().sessions() as session:
        found = lists.list_rides(session, wanted, query.limit + 1, decode_cursor(query.cursor))
        page = found[: query.limit]
        drivers = lists.drivers_of(session, page)
    following = next_page("/v1/rides", query, page[-1].id) if len(found) > query.limit else None
    shown = [show_ride(ride, Live(None if ride.driver_id is None else drivers[ride.driver_id])) for ride in page]
    return page_response("rides", shown, following)


@blueprint.get("/<uuid:ride_id>")
@blueprint.output(RideOut, description="The ride.")
@blueprint.doc(operation_id="getRide", responses=_READ, extensions={"x-parameters": [_KNOWN]})
def get_ride(ride_id: UUID) -> Response:
    """Read a ride: its passenger, its driver, administrators.

    Ask again after `poll_after_s`, with the ETag.
    """
    if unchanged := _not_modified(ride_id):
        return unchanged
    ride = find_visible(ride_id)
    return ride_response(ride, look(ride))


@blueprint.get("/current")
@blueprint.output(RideOut, description="The ride.")
@blueprint.doc(operation_id="getCurrentRide", responses=_READ, extensions={"x-parameters": [_KNOWN]})
def get_current_ride() -> Response:
    """Read the ride that the caller is on, as its passenger or else as its driver."""
    ride = find_current()
    return _not_modified(ride.id) or ride_response(ride, look(ride))


@blueprint.patch("/<uuid:ride_id>")
@blueprint.input(RideEditIn, arg_name="body")
@blueprint.output(RideOut, description="The ride.")
@blueprint.doc(operation_id="editRide", responses=answers(problems(400, 403, 404, 409, 413, 415, 422, 429)))
def edit_ride(ride_id: UUID, body: RideEditIn) -> Response:
    """Change the destination, or before the start the pickup (its passenger).

    The price is quoted anew; a surge above the ride's must be agreed to, as for an order. What was searched or
    offered for the old trip is void; the search begins again.
    """
    if body.pickup is None and body.destination is None:
        raise InvalidFieldsError(
            "the request has invalid fields",
            errors=[FieldError("pointer", "", "must have a pickup or a destination")],
        )
    ride = edit(ride_id, body)
    return ride_response(ride, look(ride))


@blueprint.post("/<uuid:ride_id>/search")
@blueprint.output(RideOut, 202, description="The ride, for which a driver is searched.")
@blueprint.doc(operation_id="findDriver", responses=answers(problems(403, 404, 409, 429)))
def find_driver(ride_id: UUID) -> Response:
    """Search for a driver (its passenger).

    `search_status` tells how far that is: `searching`, `offered`, then `matched` or `no_drivers_available`.
    """
    passenger_id = guards.caller().owner
    guards.charge(1)
    ride = platform().ride_transactions.run(lambda session: rides.start_search(session, ride_id, passenger_id))
    return ride_response(ride, look(ride), 202)


@blueprint.post("/current/cancel")
@blueprint.output(RideOut, description="The cancelled ride.")
@blueprint.doc(operation_id="cancelCurrentRide", responses=answers(problems(404, 409)))
def cancel_current_ride() -> Response:
    """Cancel the caller's one active ride (its passenger), before it starts. Cancelling twice is no error."""
    return _cancel_by_passenger(None)


@blueprint.delete("/<uuid:ride_id>")
@blueprint.output(RideOut, description="The cancelled ride.")
@blueprint.doc(operation_id="deleteRide", responses=answers(problems(404, 409)))
def delete_ride(ride_id: UUID) -> Response:
    """Cancel a ride (its passenger), before it starts. Cancelling twice is no error."""
    return _cancel_by_passenger(ride_id)


@blueprint.post("/<uuid:ride_id>/arrive")
@blueprint.output(RideOut, description="The ride.")
@blueprint.doc(operation_id="arriveAtPickup", responses=answers(problems(404, 409)))
def arrive_at_pickup(ride_id: UUID) -> Response:
    """Tell that the car is at the pickup (its driver)."""
    return _drive(trips.arrive, ride_id)


@blueprint.post("/<uuid:ride_id>/start")
@blueprint.output(RideOut, description="The ride.")
@blueprint.doc(operation_id="startRide", responses=answers(problems(404, 409)))
def start_ride(ride_id: UUID) -> Response:
    """Start the trip (its driver). The first position after it makes the ride `in-progress`."""
    return _drive(trips.start, ride_id)


@blueprint.post("/<uuid:ride_id>/finish")
@blueprint.output(RideOut, description="The ride.")
@blueprint.doc(operation_id="finishRide", responses=answers(problems(404, 409)))
def finish_ride(ride_id: UUID) -> Response:
    """End the trip (its driver), who is free then."""
    return _drive(trips.finish, ride_id, is_free_then=True)


@blueprint.post("/<uuid:ride_id>/cancel")
@blueprint.output(RideOut, description="The cancelled ride.")
@blueprint.doc(
    operation_id="cancelRide",
    responses=answers(
        {204: {"description": "The driver has given the ride back; another one is searched for."}}, problems(404, 409)
    ),
)
def cancel_ride(ride_id: UUID) -> Response:
    """Cancel a ride before it starts: as its passenger for good, as its driver for oneself.

    What a driver gives back goes on with a new search, which does not ask that driver. An administrator cancels a
    ride at any time, for a driver or a passenger who is stuck in it.
    """
    caller = guards.caller()
    with platform().sessions() as session:
        ride = rides.find(session, ride_id)
    if ride is None:
        raise RideNotFoundError("there is no such ride")
    if ride.passenger_id == caller.owner and not (caller.is_admin and ride.started_at):
        return _cancel_by_passenger(ride_id)
    if caller.is_admin:
        why = ("cancelled by an operator", caller.owner)
        return _cancel(lambda session: rides.cancel_by_system(session, ride_id, *why))
    given_back = platform().ride_transactions.run(
        lambda session: trips.cancel_by_driver(session, ride_id, caller.owner)
    )
    platform().ride_versions.hear(ride_id, given_back.version)
    driver_hints.refresh(ride.city, caller.owner)
    return Response(status=204)  # Without the ride: it is no longer the driver's to see.


@blueprint.get("/<uuid:ride_id>/events")
@blueprint.doc(
    operation_id="streamRideEvents",
    responses=answers({200: _STREAM, 204: _NO_EVENTS}, problems(400, 404)),
    extensions={"x-parameters": [LAST_EVENT_ID]},
)
def stream_events(ride_id: UUID) -> Response:
    """Follow a ride's changes as they happen (server-sent events): its passenger, its driver, administrators.

    While it has a driver, `position` tells every few seconds where the car is now, if it has moved: `location`,
    `pickup` and `destination` are what the ride itself would show. It has no id, and is not repeated after a break.
    The stream ends with the ride, or when it is no longer the driver's. Comments keep the connection alive.
    """
    last_id, follower = last_event_id(), RideFollower(ride_id)

    def begin() -> Reader | None:
        ride = find_visible(ride_id)
        return None if not ride.status.is_active and not follower.read_after(last_id) else follower.read_after

    return open_stream(f"ride:{ride_id}", begin, last_id, follower.look)


def _not_modified(ride_id: UUID) -> Response | None:
    known = request.if_none_match
    unchanged = is_unchanged(ride_id, known.contains_weak) if known else None
    return None if unchanged is None else add_ride_headers(Response(status=304), *unchanged)


def _cancel_by_passenger(ride_id: UUID | None) -> Response:
    passenger_id = guards.caller().owner
    return _cancel(lambda session: rides.cancel_by_passenger(session, passenger_id, ride_id))


def _cancel(cancel: Callable[[Session], Ride]) -> Response:
    ride = platform().ride_transactions.run(cancel)
    driver = None if ride.driver_id is None else driver_hints.refresh(ride.city, ride.driver_id)
    return ride_response(ride, look(ride, driver))


def _drive(step: Callable[[Session, UUID, str], Ride], ride_id: UUID, *, is_free_then: bool = False) -> Response:
    driver_id = guards.caller().owner
    ride = platform().ride_transactions.run(lambda session: step(session, ride_id, driver_id))
    driver = driver_hints.refresh(ride.city, driver_id) if is_free_then else None
    return ride_response(ride, look(ride, driver))
