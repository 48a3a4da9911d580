import json
import logging
from uuid import UUID

import pytest
from apiflask import APIFlask
from sqlalchemy.exc import OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from domain.rides import model as rides
from domain.rides.ports import DriverIndexError
from jobs.submit import IdempotencyConflictError, JobNotFoundError, JobStateError, QueueFullError
from web import problems
from web.errors import KINDS, register_errors
from web.problems import FieldError, pointer


def answer_to(error: Exception):
    app = APIFlask("test")
    register_errors(app)

    @app.get("/")
    def fail():
        raise error

    return app.test_client().get("/")


@pytest.mark.parametrize(
    ("error", "status", "slug"),
    [
        (problems.MalformedBodyError("x"), 400, "malformed-body"),
        (problems.InvalidFieldsError("x"), 422, "invalid-fields"),
        (problems.UnauthenticatedError("x"), 401, "unauthenticated"),
        (problems.ForbiddenError("x"), 403, "forbidden"),
        (problems.RateLimitedError("x"), 429, "rate-limited"),
        (problems.TooManyStreamsError("x"), 503, "too-many-streams"),
        (QueueFullError("code_runs", 7), 503, "queue-full"),
        (IdempotencyConflictError("x"), 422, "idempotency-key-reused"),
        (JobNotFoundError("x"), 404, "not-found"),
        (JobStateError("x", "failed"), 409, "conflict"),
        (rides.RideNotFoundError("x"), 404, "not-found"),
        (rides.DriverNotFoundError("x"), 404, "not-a-driver"),
        (rides.CurrentTripExistsError("x"), 409, "current-trip-exists"),
        (rides.IdempotencyMismatchError("x"), 422, "idempotency-key-reused"),
        (rides.OfferExpiredError("x"), 409, "offer-expired"),
        (rides.RideTakenError("x"), 409, "ride-already-taken"),
        (rides.DriverBusyError("x"), 409, "driver-busy"),
        (rides.InvalidTransitionError("x"), 409, "invalid-transition"),
        (problems.SamePickupDropoffError("x"), 422, "same-pickup-dropoff"),
        (problems.DistanceExceededError("x"), 422, "distance-exceeded"),
        (problems.OutsideServiceAreaError("x"), 422, "outside-service-area"),
        (problems.ProductNotFoundError("x"), 404, "no-product-found"),
        (DriverIndexError("x"), 503, "positions-unavailable"),
        (OperationalError("SELECT secret", {}, Exception("down")), 503, "database-unavailable"),
        (PoolTimeoutError("no connection"), 503, "database-unavailable"),
        (KeyError("a secret"), 500, "internal-error"),
        (UnicodeDecodeError("utf-8", b"", 0, 1, "a secret"), 500, "internal-error"),
    ],
)
def test_every_failure_is_a_problem_with_its_own_type(error, status, slug, caplog):
    caplog.set_level(logging.CRITICAL)

    answer = answer_to(error)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    body = json.loads(answer.text)
    assert (body["status"], body["type"]) == (status, f"/problems/{slug}")
    assert body["code"] == slug.replace("-", "_")
    assert body["detail"]
    assert "secret" not in answer.text


@pytest.mark.parametrize(
    ("path", "detail"),
    [
        ("/v1/jobs/abc", "there is no job abc"),
        ("/v1/jobs/abc/events", "there is no job abc"),
        ("/v1/nope", "there is nothing at /v1/nope"),
        (f"/v1/jobs/{UUID(int=1)}/nope", f"there is nothing at /v1/jobs/{UUID(int=1)}/nope"),
    ],
)
def test_a_path_without_a_route_is_answered_in_our_words(path, detail):
    app = APIFlask("test")
    register_errors(app)

    answer = app.test_client().get(path)

    assert (answer.status_code, json.loads(answer.text)["detail"]) == (404, detail)


def test_every_refusal_of_a_ride_has_an_answer_of_its_own_code():
    for error in rides.RideError.__subclasses__():
        if error.__module__ == rides.__name__:
            assert json.loads(answer_to(error("x")).text)["code"] == error.code


@pytest.mark.parametrize(
    ("method", "path", "may_be_done"),
    [
        ("POST", "/v1/rides", True),
        ("POST", "/v1/offers/7/accept", True),
        ("PUT", "/v1/drivers/me/status", True),
        ("GET", "/v1/rides/current", False),
        ("POST", "/v1/code-runs", False),
    ],
)
def test_who_changes_a_ride_while_the_database_goes_away_is_told_to_ask_again(method, path, may_be_done):
    app = APIFlask("test")
    register_errors(app)

    @app.route(path, methods=[method])
    def fail():
        raise OperationalError("COMMIT", {}, Exception("down"))

    answer = app.test_client().open(path, method=method)

    assert answer.status_code == 503
    assert ("may have been done" in answer.json["detail"]) == may_be_done
    assert "othing was done" not in "".join(kind.advice for kind in KINDS if kind.slug == "database-unavailable")


def test_a_full_queue_says_when_to_come_back():
    assert answer_to(QueueFullError("code_runs", 7)).headers["Retry-After"] == "7"


def test_each_wrong_place_is_named_by_its_kind():
    errors = [FieldError("pointer", "/a", "is wrong"), FieldError("header", "Prefer", "too")]

    answer = answer_to(problems.InvalidFieldsError("x", errors=errors))

    assert json.loads(answer.text)["errors"] == [
        {"pointer": "/a", "detail": "is wrong"},
        {"header": "Prefer", "detail": "too"},
    ]


def test_a_thousand_errors_are_cut_to_a_page():
    errors = [FieldError("pointer", f"/{number}", "is wrong") for number in range(1000)]

    answer = answer_to(problems.InvalidFieldsError("x", errors=errors))

    assert len(json.loads(answer.text)["errors"]) == 20


def test_types_are_distinct():
    assert len({kind.slug for kind in KINDS}) == len(KINDS)


@pytest.mark.parametrize(
    ("path", "text"), [((), ""), (("a", 0, "b"), "/a/0/b"), (("a/b", "~"), "/a~1b/~0"), (("\ud800",), "/?")]
)
def test_a_pointer_is_escaped(path, text):
    assert pointer(path) == text
