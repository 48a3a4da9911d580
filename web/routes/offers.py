"""A driver's answer to an offer."""

from __future__ import annotations

from uuid import UUID

from apiflask import APIBlueprint
from flask import Response

from store.rides import trips
from web import driver_hints, guards
from web.answers import answers, problems
from web.platform import platform
from web.ride_reads import look
from web.ride_views import ride_response
from web.schemas.rides import RideOut

blueprint = APIBlueprint("offers", __name__, url_prefix="/v1/offers", tag="Drivers")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_person)


@blueprint.post("/<uuid:offer_id>/accept")
@blueprint.output(RideOut, description="The ride, which is the driver's now.")
@blueprint.doc(operation_id="acceptOffer", responses=answers(problems(403, 404, 409)))
def accept_offer(offer_id: UUID) -> Response:
    """Accept an offer.

    Accepting again what was accepted is no error: the answer to the first time may have been lost.
    """
    driver_id = guards.caller().owner
    ride = platform().ride_transactions.run(lambda session: trips.accept(session, offer_id, driver_id))
    # Not what was just accepted but what holds: a repeated call may come after the ride's end.
    driver = driver_hints.refresh(ride.city, driver_id)
    return ride_response(ride, look(ride, driver))


@blueprint.post("/<uuid:offer_id>/decline")
@blueprint.output({}, status_code=204, description="Declined.")
@blueprint.doc(operation_id="declineOffer", responses=answers(problems(403, 404, 409)))
def decline_offer(offer_id: UUID) -> Response:
    """Decline an offer.

    The ride's present search does not ask this driver again. Declining twice is no error.
    """
    driver_id = guards.caller().owner
    platform().ride_transactions.run(lambda session: trips.decline(session, offer_id, driver_id))
    # Without the offer: what becomes of the ride from now on is not this driver's business.
    return Response(status=204)
