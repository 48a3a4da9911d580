"""Schemathesis against the served specification: whatever it makes up gets a declared answer, and never a 5xx."""

from __future__ import annotations

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.checks import CHECKS
from schemathesis.config import SchemathesisConfig

from store.db import create_engine, sessions
from store.migrate import migrate
from tests.apis import HELLO, make_key, served, succeed

# A run that is right by its schema may still ask for more than its language's maximum, or name two files alike.
NOT_OURS = {"positive_data_acceptance"}


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
    with served(tmp_path_factory.mktemp("api"), database_url, valkey.url(), API_MAX_WAIT_S="1") as running:
        yield running


@pytest.fixture(scope="module")
def headers(make_session):
    return {"Authorization": f"Bearer {make_key(make_session, 'alice', is_admin=True)}"}


@pytest.fixture(scope="module")
def finished_job(server, headers, make_session):
    job = requests.post(f"{server.url}/v1/code-runs", json=HELLO, headers=headers).json()["id"]
    succeed(make_session, job)
    return job


# A wrong body may be too large as well, which is found out before it is read.
REFUSALS = ["400", "401", "403", "404", "405", "409", "413", "415", "422"]
OPERATIONS = (
    "createCodeRun",
    "createCodeRunBatch",
    "listLanguages",
    "listJobs",
    "getJob",
    "cancelJob",
    "retryJob",
    "streamJobEvents",
    "listQueues",
    "pauseQueue",
    "resumeQueue",
    "getHealth",
    "getReadiness",
    "getMetrics",
)
# They take nothing, so nothing wrong can be sent to them.
WITHOUT_INPUT = {"getHealth", "getReadiness", "getMetrics"}
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
def test_every_answer_is_declared_and_none_is_a_failure_of_ours(specification, headers, finished_job, name, mode):
    operation = specification.find_operation_by_id(name)
    excluded = CHECKS.get_by_names(sorted(NOT_OURS))

    @settings(max_examples=30, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def call(case):
        # Half of the identifiers are those of a job that exists; invented ones hardly ever are.
        if "job_id" in case.path_parameters and str(case.path_parameters["job_id"])[:1] < "8":
            case.path_parameters["job_id"] = finished_job
        case.call_and_validate(headers=headers, timeout=30, excluded_checks=excluded)

    call()
