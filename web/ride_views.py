"""A ride and an offer as JSON, with the headers that go with them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from uuid import UUID

from flask import Response

from domain.rides.currencies import decimal_of
from domain.rides.model import Actor, Driver, Fix, Offer, Place, Quote, Ride, RideStatus, SearchStatus
from web.job_views import json_response, show_moment
from web.log_fields import add_ride

POLL_SEARCHING_S = 5
POLL_RIDING_S = 10

_UBER_STATUSES = {
    RideStatus.CREATED: "processing",
    RideStatus.MATCHED: "accepted",
    # Uber knows no moment between the driver's pressing start and the car's first move.
    RideStatus.STARTED: "in_progress",
    RideStatus.IN_PROGRESS: "in_progress",
    RideStatus.FINISHED: "completed",
}
_UBER_CANCELLATIONS = {Actor.PASSENGER: "rider_canceled", Actor.SYSTEM: "failed"}


@dataclass(frozen=True, slots=True)
class Live:
    """What is known of a ride beyond its row: who drives, where that is now, and how long the ways still take.

    ``position_ms`` is the time of the position that the entity tag speaks of; 0: there is none to be had, ``None``:
    there is, but not just now.
    """

    driver: Driver | None = None
    fix: Fix | None = None
    position_ms: int | None = 0
    pickup_eta_s: int | None = None
    destination_eta_s: int | None = None
    eta_source: str | None = None
    is_near_pickup: bool = False


def ride_etag(ride_id: UUID, version: int, position_ms: int) -> str:
    """Return the entity tag, without quotes; it is weak, because ages and times to go change without it.

    The ride is in it because ``/v1/rides/current`` is one ride today and another one tomorrow.
    """
    return f"{ride_id}.{version}.{position_ms}"


def milliseconds_of(fix: Fix) -> int:
    """Return a fix's time as the number that names it among a driver's fixes; it outlives the driver index."""
    return round(fix.at.timestamp() * 1000)


def poll_after_s(status: RideStatus) -> int | None:
    """Return when asking again makes sense; ``None`` when nothing will change any more."""
    if status is RideStatus.CREATED:
        return POLL_SEARCHING_S
    return POLL_RIDING_S if status.has_driver else None


def ride_response(ride: Ride, live: Live, status: int = 200) -> Response:
    """Answer with one ride, which the request's line in the log names as well."""
    add_ride(ride.id)
    response = json_response(show_ride(ride, live), status)
    # Without the position's time nothing tells whether the distance has grown.
    etag = None if live.position_ms is None else ride_etag(ride.id, ride.version, live.position_ms)
    return add_ride_headers(response, ride.status, etag)


def add_ride_headers(response: Response, status: RideStatus, etag: str | None) -> Response:
    """Add what a client needs to ask again cheaply and at the right time."""
    if etag is not None:
        response.set_etag(etag, weak=True)
    response.headers["Vary"] = "Authorization"
    response.headers["Cache-Control"] = "private, no-cache"
    if (wait_s := poll_after_s(status)) is not None:
        response.headers["Retry-After"] = str(wait_s)
    return response


def show_ride(ride: Ride, live: Live) -> dict[str, object]:
    """Return the ride's JSON, in the shape of ``web.schemas.rides.RideOut``."""
    return {
        "id": str(ride.id),
        "status": ride.status.value,
        "uber_status": _uber_status(ride, live),
        "search_status": ride.search_status.value,
        "passenger_id": ride.passenger_id,
        "driver": None if live.driver is None else _show_driver(live.driver),
        "product": ride.product,
        "city": ride.city,
        **_show_whereabouts(ride, live),
        "price": show_price(ride.quote),
        "distance_m": ride.quote.distance_m,
        "duration_s": ride.quote.duration_s,
        "distance_travelled_m": ride.distance_travelled_m,
        "distance_quality": {"gaps": ride.gaps},
        "cancelled_by": None if ride.cancelled_by is None else ride.cancelled_by.value,
        "status_detail": ride.status_detail,
        "version": ride.version,
        "poll_after_s": poll_after_s(ride.status),
        **{name: show_moment(getattr(ride, name)) for name in _MOMENTS},
    }


def show_position(ride: Ride, live: Live) -> dict[str, object]:
    """Return as much of the ride's JSON as changes while the car moves, to be laid over what a client has of it."""
    return {"ride_id": str(ride.id), "uber_status": _uber_status(ride, live), **_show_whereabouts(ride, live)}


_MOMENTS = ("created_at", "matched_at", "arrived_at", "started_at", "finished_at")


def show_offer(offer: Offer, ride: Ride) -> dict[str, object]:
    """Return an offer's JSON, in the shape of ``web.schemas.drivers.OfferOut``: no word of who the passenger is."""
    return {
        "id": str(offer.id),
        "ride_id": str(offer.ride_id),
        "status": offer.status.value,
        "pickup": show_place(ride.pickup),
        "destination": show_place(ride.destination),
        "pickup_eta_s": offer.pickup_eta_s,
        "eta_source": offer.eta_source,
        "distance_m": ride.quote.distance_m,
        "duration_s": ride.quote.duration_s,
        "price": show_price(ride.quote),
        "expires_at": show_moment(offer.expires_at),
    }


def show_place(place: Place) -> dict[str, object]:
    """Return a point's JSON."""
    return {"latitude": place.latitude, "longitude": place.longitude}


def show_price(quote: Quote) -> dict[str, object]:
    """Return a quote's price; amounts are decimal strings, because JSON's numbers are no decimals."""
    return {
        "low": decimal_of(quote.price_low, quote.currency),
        "high": decimal_of(quote.price_high, quote.currency),
        "currency": quote.currency,
        "surge": quote.surge,
    }


def _uber_status(ride: Ride, live: Live) -> str:
    if ride.status is RideStatus.CANCELLED:
        return _UBER_CANCELLATIONS[ride.cancelled_by or Actor.SYSTEM]
    if ride.status is RideStatus.CREATED and ride.search_status is SearchStatus.NO_DRIVERS_AVAILABLE:
        return "no_drivers_available"
    # Where the car is may be unknown; that the driver has arrived is in the row.
    if ride.status is RideStatus.MATCHED and (ride.arrived_at is not None or live.is_near_pickup):
        return "arriving"
    return _UBER_STATUSES[ride.status]


def _show_whereabouts(ride: Ride, live: Live) -> dict[str, object]:
    return {
        "pickup": show_place(ride.pickup) | _show_eta(live.pickup_eta_s, live.eta_source),
        "destination": show_place(ride.destination) | _show_eta(live.destination_eta_s, live.eta_source),
        "location": None if live.fix is None else _show_location(live.fix),
    }


def _show_eta(eta_s: int | None, source: str | None) -> dict[str, object]:
    return {"eta_s": eta_s, "eta_source": None if eta_s is None else source}


def _show_driver(driver: Driver) -> dict[str, object]:
    return {"id": driver.id, "name": driver.name, "vehicle": asdict(driver.vehicle)}


def _show_location(fix: Fix) -> dict[str, object]:
    age_s = max(0.0, (datetime.now(UTC) - fix.at).total_seconds())
    return show_place(fix.place) | {"bearing": fix.bearing, "at": show_moment(fix.at), "age_s": round(age_s, 1)}
