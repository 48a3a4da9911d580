"""Schemathesis against the served specification: whatever it makes up gets a declared answer, and never a 5xx."""

from __future__ import annotations

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, assume, given, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from store.db import create_engine, sessions
from store.migrate import migrate
from tests.apis import EDGE_SECRET, HELLO, make_key, served, succeed
from tests.integration.content_world import (
    make_questions,
    make_titles,
    publish_questions,
    publish_titles,
    store_of,
)
from tests.integration.http_rides import DRIVER, TRIP, find_ride
from tests.integration.rides_world import RidesWorld

# A run that is right by its schema may still ask for more than its language's maximum, or name two files alike.
NOT_OURS = {"positive_data_acceptance"}
schemathesis.serializer.alias("application/offset+octet-stream", "application/octet-stream")


@pytest.fixture(scope="module")
def database_url(postgres):
    engine = create_engine(postgres.url(), 2, "schemathesis")
    migrate(engine)
    yield postgres.url()
    engine.dispose()


@pytest.fixture(scope="module")
def make_session(database_url):
    engine = create_engine(database_url, 2, "schemathesis")
    yield sessions(engine)
    engine.dispose()


@pytest.fixture(scope="module")
def server(tmp_path_factory, database_url, valkey):
    home = tmp_path_factory.mktemp("api")
    publish_questions(store_of(home), make_questions())
    publish_titles(store_of(home), make_titles())
    with served(home, database_url, valkey.url(), API_MAX_WAIT_S="1", EDGE_SECRET=EDGE_SECRET) as running:
        yield running


@pytest.fixture(scope="module")
def headers(make_session):
    """Of an administrator, and of somebody who may drive, which administrators may not."""
    keys = {"alice": make_key(make_session, "alice", is_admin=True), "dan": make_key(make_session, "dan")}
    return {name: {"Authorization": f"Bearer {key}"} for name, key in keys.items()}


@pytest.fixture(scope="module")
def finished_job(server, headers, make_session):
    job = requests.post(f"{server.url}/v1/code-runs", json=HELLO, headers=headers["alice"]).json()["id"]
    succeed(make_session, job)
    return job


@pytest.fixture
def ids(server, headers, database_url, finished_job, name):
    """Things that exist, for the identifiers of a path: a job, a ride of the caller's, its offer to the driver."""
    passenger, driver = headers["alice"], headers["dan"]

    def call(method: str, path: str, who: dict[str, str], body: object = None) -> str:
        return str(requests.request(method, f"{server.url}/v1{path}", json=body, headers=who).json().get("id"))

    call("PUT", "/drivers/me", driver, DRIVER)
    call("PUT", "/drivers/me/status", driver, {"status": "available"})
    ride_id = call("POST", "/rides", passenger, TRIP)
    engine = create_engine(database_url, 2, "schemathesis")
    world = RidesWorld(engine)
    offer_id = str(world.offer(find_ride(world, ride_id), "dan").id)
    engine.dispose()
    if name in ON_A_RIDE:
        call("POST", f"/offers/{offer_id}/accept", driver)
    if name in ON_AN_ENDED_RIDE:
        call("DELETE", f"/rides/{ride_id}", passenger)
    yield {
        "job_id": finished_job,
        "ride_id": ride_id,
        "offer_id": offer_id,
        "question_id": "question-1",
        "title_id": "title-1",
    }
    call("POST", f"/rides/{ride_id}/finish", driver)
    call("DELETE", f"/rides/{ride_id}", passenger)


# A wrong body may be too large as well, which is found out before it is read.
REFUSALS = ["400", "401", "403", "404", "405", "409", "413", "415", "422"]
OPERATIONS = (
    "createCodeRun",
    "createCodeRunBatch",
    "listLanguages",
    "listJobs",
    "listRides",
    "getJob",
    "cancelJob",
    "retryJob",
    "streamJobEvents",
    "createRide",
    "getRide",
    "getCurrentRide",
    "editRide",
    "findDriver",
    "cancelCurrentRide",
    "deleteRide",
    "arriveAtPickup",
    "startRide",
    "finishRide",
    "cancelRide",
    "streamRideEvents",
    "estimatePrice",
    "estimateTime",
    "getHeatMap",
    "putDriver",
    "getDriver",
    "putDriverStatus",
    "pushLocations",
    "getOffer",
    "acceptOffer",
    "declineOffer",
    "listQueues",
    "pauseQueue",
    "resumeQueue",
    "getHealth",
    "getReadiness",
    "getMetrics",
    "listCities",
    "listQuestions",
    "getQuestion",
    "listTitles",
    "getTitle",
    "listContentServers",
    "createVideo",
    "uploadChunk",
    "listVideos",
    "getVideo",
    "removeVideo",
    "getPlayback",
    "listViewings",
    "createCacheRefresh",
    "getCacheRefresh",
    "listCacheRefreshes",
    "putPop",
    "getPop",
    "listPops",
    "deletePop",
)
OF_DRIVERS = {
    *("arriveAtPickup", "startRide", "finishRide"),
    *("putDriver", "getDriver", "putDriverStatus", "pushLocations", "getOffer", "acceptOffer", "declineOffer"),
}
ON_A_RIDE = {"arriveAtPickup", "startRide", "finishRide", "pushLocations"}
# A stream of what goes on would not end.
ON_AN_ENDED_RIDE = {"streamRideEvents"}
# They take nothing, or any text, so nothing wrong can be sent to them.
WITHOUT_INPUT = {"getHealth", "getReadiness", "getMetrics", "getQuestion", "listTitles", "getTitle"}
TRIALS = [
    (name, mode)
    for name in OPERATIONS
    for mode in schemathesis.GenerationMode
    if mode.is_positive or name not in WITHOUT_INPUT
]


@pytest.fixture(scope="module")
def specification(server):
    config = SchemathesisConfig.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}})
    return schemathesis.openapi.from_url(f"{server.url}/openapi.json", config=config)


def test_every_operation_is_tried(specification):
    found = [result.ok().definition.raw["operationId"] for result in specification.get_all_operations()]

    assert sorted(found) == sorted(OPERATIONS)


@pytest.mark.parametrize(("name", "mode"), TRIALS)
def test_every_answer_is_declared_and_none_is_a_failure_of_ours(specification, headers, ids, name, mode):
    operation = specification.find_operation_by_id(name)
    excluded = CHECKS.get_by_names(sorted(NOT_OURS))
    caller = headers["dan" if name in OF_DRIVERS else "alice"]

    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case):
        # An empty list is a parameter that is not sent: on the wire there is nothing wrong with such a request.
        assume(not any(value in ([], {}) for value in case.query.values()))
        # Half of the identifiers are those of things that exist; invented ones hardly ever are.
        for key in ids.keys() & case.path_parameters.keys():
            if str(case.path_parameters[key])[:1] < "8":
                case.path_parameters[key] = ids[key]
        case.call_and_validate(headers=caller, timeout=30, excluded_checks=excluded)

    call()
