"""One table: exception class -> problem+json (RFC 9457). Nothing else in ``web`` writes an error's answer."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import flask
from apiflask import APIFlask, HTTPError
from flask import Response, g, request
from pydantic import ValidationError
from sqlalchemy import exc as sqlalchemy_errors
from werkzeug.exceptions import HTTPException, NotFound

from domain.content.blobs import BlobStoreError
from domain.content.servers import ServersUnknownError
from domain.rides import model as rides
from domain.rides.ports import DriverIndexError
from jobs import submit
from web import problems
from web.field_errors import sentence_of
from web.problems import FieldError, ProblemError, pointer
from web.ride_reads import show_if_visible

MAX_ERRORS = 20
CONTENT_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"
DATABASE_RETRY_S = 2

# What cannot be an id; below one that can, it may be the rest of the path that there is not.
_NO_JOB_ID = re.compile(r"/v1/jobs/(?![0-9A-Fa-f-]{36}(?:/|$))([^/]+)")

_ABOUT_RIDES = ("/v1/rides", "/v1/offers", "/v1/drivers")

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of problem; ``slug`` ends its type URI, under which its ``advice`` can be read."""

    status: int
    slug: str
    title: str
    advice: str

    @property
    def code(self) -> str:
        """Return the name of the kind for programs."""
        return self.slug.replace("-", "_")


_BY_STATUS = {
    kind.status: kind
    for kind in (
        Kind(400, "bad-request", "Bad request", "The request cannot be read as HTTP."),
        Kind(404, "not-found", "Not found", "There is no such thing, or it belongs to another owner."),
        Kind(405, "method-not-allowed", "Method not allowed", "The Allow header lists what this path offers."),
        Kind(413, "body-too-large", "Body too large", "Send a smaller body."),
        Kind(415, "unsupported-media-type", "Unsupported media type", "Send JSON, and say so in Content-Type."),
        Kind(500, "internal-error", "Internal error", "The fault is the server's. Report the instance."),
        Kind(
            503,
            "database-unavailable",
            "Service unavailable",
            "The database is away. Ask again; a change of a ride may have been made, and is not made twice.",
        ),
    )
}

_KEY_REUSED = Kind(
    422,
    "idempotency-key-reused",
    "Idempotency key reused",
    "This key came before with another request. Use a new one.",
)

_TABLE: Mapping[type[Exception], Kind] = {
    problems.MalformedBodyError: Kind(400, "malformed-body", "Malformed body", "Send JSON (RFC 8259) in UTF-8."),
    problems.MalformedHeaderError: Kind(400, "malformed-header", "Malformed header", "errors names the header."),
    problems.InvalidFieldsError: Kind(422, "invalid-fields", "Invalid fields", "errors names each wrong field."),
    problems.UnauthenticatedError: Kind(
        401, "unauthenticated", "Unauthenticated", "Send Authorization: Bearer and an API key."
    ),
    problems.ForbiddenError: Kind(403, "forbidden", "Forbidden", "Only an administrator's key may do this."),
    problems.NotFoundError: _BY_STATUS[404],
    submit.JobNotFoundError: _BY_STATUS[404],
    submit.JobStateError: Kind(409, "conflict", "Conflict", "The job's state does not allow this."),
    submit.IdempotencyConflictError: _KEY_REUSED,
    rides.RideNotFoundError: _BY_STATUS[404],
    rides.DriverNotFoundError: Kind(404, "not-a-driver", "Not a driver", "Register with PUT /v1/drivers/me first."),
    rides.CurrentTripExistsError: Kind(
        409,
        "current-trip-exists",
        "Current trip exists",
        "ride is the one that is under way; one is all you can have.",
    ),
    rides.IdempotencyMismatchError: _KEY_REUSED,
    rides.OfferExpiredError: Kind(409, "offer-expired", "Offer expired", "Wait for the next offer."),
    rides.RideTakenError: Kind(409, "ride-already-taken", "Ride already taken", "Wait for the next offer."),
    rides.DriverBusyError: Kind(409, "driver-busy", "Driver busy", "Finish or cancel the present ride first."),
    rides.InvalidTransitionError: Kind(
        409, "invalid-transition", "Invalid transition", "current_status is the ride's; it does not allow this."
    ),
    problems.SamePickupDropoffError: Kind(
        422, "same-pickup-dropoff", "Same pickup and dropoff", "Send two places that are not the same."
    ),
    problems.DistanceExceededError: Kind(422, "distance-exceeded", "Distance exceeded", "Ask for a shorter trip."),
    problems.OutsideServiceAreaError: Kind(
        422, "outside-service-area", "Outside the service area", "errors names the place; both must be in one city."
    ),
    problems.ProductNotFoundError: Kind(
        404, "no-product-found", "No product found", "GET /v1/estimates/price lists the products at a place."
    ),
    problems.SurgeError: Kind(
        409, "surge", "Surge", "price is what it costs now; send price.surge as max_surge to agree to that."
    ),
    problems.RateLimitedError: Kind(429, "rate-limited", "Rate limited", "Wait as long as Retry-After says."),
    problems.TooManyStreamsError: Kind(
        503, "too-many-streams", "Too many streams", "Poll instead, or try again after Retry-After."
    ),
    problems.ContentUnavailableError: Kind(
        503, "content-unavailable", "Content unavailable", "The server has just started; try after Retry-After."
    ),
    ServersUnknownError: Kind(
        503, "servers-unknown", "Servers unknown", "Redis is away. The servers serve content all the same."
    ),
    problems.UploadConflictError: Kind(
        409, "upload-conflict", "Upload conflict", "Go on from the byte that Upload-Offset names."
    ),
    problems.PlaybackUnavailableError: Kind(
        503, "playback-unavailable", "Playback unavailable", "An operator has to set EDGE_SECRET."
    ),
    BlobStoreError: Kind(503, "blob-store-unavailable", "Blob store unavailable", "Try again after a while."),
    submit.QueueFullError: Kind(503, "queue-full", "Queue full", "Nothing was accepted; try after Retry-After."),
    DriverIndexError: Kind(
        503, "positions-unavailable", "Positions unavailable", "Rides go on; only this answer needs the positions."
    ),
    sqlalchemy_errors.OperationalError: _BY_STATUS[503],
    sqlalchemy_errors.InterfaceError: _BY_STATUS[503],
    sqlalchemy_errors.TimeoutError: _BY_STATUS[503],
}

KINDS = tuple(dict.fromkeys([*_TABLE.values(), *_BY_STATUS.values()]))


def register_errors(app: APIFlask) -> None:
    """Make every failure of ``app`` a problem+json."""
    for exception in _TABLE:
        app.register_error_handler(exception, _handler_of(exception))
    app.register_error_handler(HTTPError, _answer_api_error)
    app.register_error_handler(HTTPException, _answer_http_error)


def _handler_of(exception: type[Exception]) -> Callable[[Exception], Response]:
    if exception is BlobStoreError:
        return _answer_store_away
    if issubclass(exception, sqlalchemy_errors.SQLAlchemyError):
        return _answer_unavailable
    return _answer_ride_refusal if issubclass(exception, rides.RideError) else _answer_refusal


def _answer_refusal(error: Exception) -> Response:
    kind = _TABLE[type(error)]
    if isinstance(error, ProblemError):
        return _answer(kind, error.detail, error.errors, error.headers, error.more)
    headers = {"Retry-After": str(error.retry_after_s)} if isinstance(error, submit.QueueFullError) else {}
    return _answer(kind, str(error), headers=headers)


def _answer_store_away(error: Exception) -> Response:
    # What the store says may name its buckets.
    _LOG.warning("the blob store did not serve a request: %s", error)
    detail = "what is stored cannot be had at the moment"
    return _answer(_TABLE[BlobStoreError], detail, headers={"Retry-After": str(DATABASE_RETRY_S)})


def _answer_ride_refusal(error: Exception) -> Response:
    """Answer a refusal with the ride as it is now, if the caller may see it: it may be another driver's."""
    assert isinstance(error, rides.RideError)
    kind = _TABLE[type(error)]
    shown = None if error.ride is None else show_if_visible(error.ride)
    more = {} if shown is None else {"current_status": shown["status"], "ride": shown}
    return _answer(kind, str(error), more=more)


def _answer_unavailable(error: Exception) -> Response:
    _LOG.warning("the database did not serve a request: %s", error)
    detail = "the database is not available"
    # What is read after the commit may fail as well as what is written before; and these can all be asked for again.
    if request.path.startswith(_ABOUT_RIDES) and request.method not in ("GET", "HEAD"):
        detail += "; ask again, because what was asked for may have been done"
    return _answer(_TABLE[type(error)], detail, headers={"Retry-After": str(DATABASE_RETRY_S)})


def _answer_api_error(error: Exception) -> Response:
    """Answer what APIFlask raises when a schema refuses the input; its cause knows the exact place of each error."""
    assert isinstance(error, HTTPError)
    if not isinstance(error.__cause__, ValidationError):
        kind = _kind_of_status(error.status_code)
        return _answer(kind, error.message or kind.title)
    where = "pointer" if "json" in error.detail else "parameter"
    errors = [_field_error(where, detail) for detail in error.__cause__.errors(include_url=False)[:MAX_ERRORS]]
    return _answer(_TABLE[problems.InvalidFieldsError], "the request has invalid fields", errors)


def _answer_http_error(error: Exception) -> Response | HTTPException:
    assert isinstance(error, HTTPException)
    if error.code is None or error.code < 400:
        return error  # A redirect is a response that travels as an exception.
    kind = _kind_of_status(error.code)
    headers = {name: value for name, value in error.get_headers() if name.lower() != "content-type"}
    detail = _own_words(error) if kind.status < 500 else "the server failed; the fault is not the request's"
    return _answer(kind, detail or kind.title, headers=headers)


def _own_words(error: HTTPException) -> str | None:
    """Say in our words what no route was found for; an id that cannot be one is a path without a route, too."""
    if not isinstance(error, NotFound):
        return error.description
    job = _NO_JOB_ID.match(request.path)
    return f"there is no job {job[1]}" if job else f"there is nothing at {request.path}"


def _kind_of_status(status: int) -> Kind:
    return _BY_STATUS.get(status) or Kind(status, "http-error", "HTTP error", "See the status code.")


def _field_error(where: str, error: Mapping[str, object]) -> FieldError:
    location = error["loc"]
    assert isinstance(location, tuple)
    name = pointer(location) if where == "pointer" else ".".join(map(str, location))
    return FieldError(where, name, sentence_of(error))


def _answer(
    kind: Kind,
    detail: str,
    errors: list[FieldError] | tuple[FieldError, ...] = (),
    headers: Mapping[str, str] = {},
    more: Mapping[str, object] = {},
) -> Response:
    body: dict[str, object] = {
        "type": TYPE_PREFIX + kind.slug,
        "code": kind.code,
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        "instance": f"urn:request:{g.get('request_id', 'unknown')}",
        **more,
    }
    if errors:
        body["errors"] = [{error.where: error.name, "detail": error.detail} for error in errors[:MAX_ERRORS]]
    g.problem_code = kind.code
    response = flask.Response(json.dumps(body), status=kind.status, content_type=CONTENT_TYPE)
    response.headers.update({"Cache-Control": "no-store", **headers})
    return response
