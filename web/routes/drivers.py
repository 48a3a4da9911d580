"""The driver's side: who drives what, for whom the driver is free, where the car is, and what is offered."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import cast

from apiflask import APIBlueprint
from flask import Response, request

from domain.rides.model import Driver, DriverNotFoundError, DriverStatus, Ride
from store.rides import drivers
from web import driver_hints, guards
from web.answers import answers, headers, json_of, problems
from web.driver_pushes import record
from web.job_views import json_response, show_moment
from web.offer_waits import driver_key, offer_reader, wait_for_offer
from web.platform import platform
from web.ride_views import show_offer
from web.schemas.driver_mapping import to_fixes, to_profile
from web.schemas.drivers import (
    DriverIn,
    DriverOut,
    DriverStatusIn,
    FixesIn,
    LocationsOut,
    OfferOut,
    OfferQuery,
)
from web.streams import open_stream, stream_of

RETRY_OFFER_S = 2
EVENT_STREAM = "text/event-stream"

blueprint = APIBlueprint("drivers", __name__, url_prefix="/v1/drivers/me", tag="Drivers")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_person)

_NO_OFFER = {
    "description": "Nothing is offered.",
    "headers": headers(Retry_After="When to ask again, if nobody has waited."),
}
_STREAM = stream_of("of an offer its members; of offer_closed its id")


def _content_of(answer: Mapping[str, object]) -> Mapping[str, object]:
    return cast("Mapping[str, object]", answer["content"])


@blueprint.put("")
@blueprint.input(DriverIn, arg_name="body")
@blueprint.output(DriverOut, description="The driver.")
@blueprint.doc(operation_id="putDriver", responses=answers(problems(400, 403, 404, 409, 413, 415, 422)))
def put_driver(body: DriverIn) -> Response:
    """Register as a driver, or change what was registered.

    Who has just registered is unavailable. City and product stay as they are during a ride.
    """
    tools, driver_id = platform(), guards.caller().owner
    profile = to_profile(driver_id, body, tools.cities)
    with tools.sessions() as session:
        before = drivers.find_driver(session, driver_id)
    driver = tools.ride_transactions.run(lambda session: drivers.put_driver(session, profile))
    if before is not None and before.city != profile.city:
        driver_hints.refresh(before.city, driver_id)
    driver_hints.refresh(driver.city, driver_id)
    return _answer(driver)


@blueprint.get("")
@blueprint.output(DriverOut, description="The driver.")
@blueprint.doc(operation_id="getDriver", responses=answers(problems(403, 404)))
def get_driver() -> Response:
    """Read what is registered."""
    return _show(*_registered())


@blueprint.put("/status")
@blueprint.input(DriverStatusIn, arg_name="body")
@blueprint.output(DriverOut, description="The driver.")
@blueprint.doc(operation_id="putDriverStatus", responses=answers(problems(400, 403, 404, 409, 413, 415, 422)))
def put_status(body: DriverStatusIn) -> Response:
    """Become available for offers, or unavailable.

    An offer that was not answered is withdrawn from who becomes unavailable. During a ride nobody does.
    """
    status, driver_id = DriverStatus(body.status), guards.caller().owner
    driver = platform().ride_transactions.run(lambda session: drivers.set_status(session, driver_id, status))
    driver_hints.refresh(driver.city, driver_id)
    return _answer(driver)


@blueprint.post("/locations")
@blueprint.input(FixesIn, arg_name="body")
@blueprint.output(LocationsOut, description="What became of the fixes.")
@blueprint.doc(operation_id="pushLocations", responses=answers(problems(400, 403, 404, 413, 415, 422)))
def push_locations(body: FixesIn) -> Response:
    """Tell where the car is and was: one to a hundred fixes, in any order.

    From the start of a ride on they also add up to the distance travelled; what is not believed is `dropped` with
    the reason.
    """
    fixes = to_fixes(body, datetime.now(UTC))
    recorded = record(*_registered(), fixes)
    return json_response(
        {
            "accepted": recorded.accepted,
            "dropped": dict(recorded.dropped),
            "ride_id": None if recorded.ride_id is None else str(recorded.ride_id),
        }
    )


@blueprint.get("/offer")
@blueprint.input(OfferQuery, location="query", arg_name="query")
@blueprint.output(OfferOut, description="The offer that is open.")
@blueprint.doc(
    operation_id="getOffer",
    responses=answers(
        {200: {"content": {**_content_of(_STREAM), **_content_of(json_of("OfferOut", ""))}}, 204: _NO_OFFER},
        problems(403, 404, 422),
    ),
)
def get_offer(query: OfferQuery) -> Response:
    """Read the offer that waits for an answer.

    With `?wait=N` the answer comes as soon as there is one; when too many wait already, it comes at once, and
    Retry-After says when to ask again. With `Accept: text/event-stream` it is a stream of them:
    `offer` for each that comes, and `offer_closed` for one that is no longer to be had.
    """
    driver_id = guards.caller().owner
    if request.accept_mimetypes.best_match(["application/json", EVENT_STREAM]) == EVENT_STREAM:
        _registered()
        return open_stream(driver_key(driver_id), lambda: offer_reader(driver_id))
    offered, has_waited = wait_for_offer(driver_id, query.wait)
    if offered is not None:
        return json_response(show_offer(*offered))
    response = Response(status=204)
    if not has_waited:
        response.headers["Retry-After"] = str(RETRY_OFFER_S)
    return response


def _registered() -> tuple[Driver, Ride | None]:
    with platform().sessions() as session:
        found = drivers.find_with_ride(session, guards.caller().owner)
    if found is None:
        raise DriverNotFoundError("you have not registered as a driver")
    return found


def _answer(driver: Driver) -> Response:
    with platform().sessions() as session:
        ride = drivers.active_ride_of_driver(session, driver.id)
    return _show(driver, ride)


def _show(driver: Driver, ride: Ride | None) -> Response:
    return json_response(
        {
            "id": driver.id,
            "name": driver.name,
            "vehicle": asdict(driver.vehicle),
            "product": driver.product,
            "city": driver.city,
            "status": driver.status.value,
            "status_since": show_moment(driver.status_since),
            "idle_since": show_moment(driver.idle_since),
            "ride_id": None if ride is None else str(ride.id),
        }
    )
