"""Which sandbox a worker starts, and when it would rather not start at all."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from adapters.docker_sandbox.engine import NoEngineError
from config.settings import Settings, load
from domain.code_runs.languages import Language
from domain.code_runs.sandbox import Sandbox, SandboxError
from tests.fakes import FakeSandbox
from workers.app import SandboxStart, SandboxStarts, start_docker, start_sandbox

DOCKER, NAMESPACES = FakeSandbox(), FakeSandbox()
NAMED = {"DOCKER_HOST": "tcp://127.0.0.1:1"}


def settings(**environment: str) -> Settings:
    return load({"DATABASE_URL": "postgresql://x/y", "REDIS_URL": "redis://x"} | environment)


def starting(sandbox: FakeSandbox) -> SandboxStart:
    return lambda _: ({}, sandbox)


def failing(error: SandboxError) -> SandboxStart:
    def fail(_: Settings) -> tuple[Mapping[str, Language], Sandbox]:
        raise error

    return fail


def started(environment: Mapping[str, str], docker: SandboxStart) -> Sandbox:
    return start_sandbox(settings(**environment), SandboxStarts(docker, starting(NAMESPACES)))[1]


@pytest.mark.parametrize("environment", [{}, {"SANDBOX": "docker"}, NAMED])
def test_an_engine_that_does_is_used(environment: Mapping[str, str]) -> None:
    assert started(environment, starting(DOCKER)) is DOCKER


def test_namespaces_are_used_when_asked_for() -> None:
    assert started({"SANDBOX": "namespace"}, starting(DOCKER)) is NAMESPACES


def test_a_machine_without_an_engine_gets_namespaces() -> None:
    assert started({}, failing(NoEngineError("nobody listens"))) is NAMESPACES


@pytest.mark.parametrize("environment", [{"SANDBOX": "docker"}, NAMED])
def test_an_engine_that_was_asked_for_and_is_away_stops_the_worker(environment: Mapping[str, str]) -> None:
    with pytest.raises(NoEngineError):
        started(environment, failing(NoEngineError("nobody listens")))


@pytest.mark.parametrize("environment", [{}, {"SANDBOX": "docker"}, NAMED])
def test_an_engine_that_does_not_do_is_never_replaced_by_less(environment: Mapping[str, str]) -> None:
    with pytest.raises(SandboxError, match="do not isolate"):
        started(environment, failing(SandboxError("containers do not isolate here")))


def test_an_address_where_nobody_listens_is_no_engine() -> None:
    with pytest.raises(NoEngineError):
        start_docker(settings(**NAMED))


@pytest.fixture
def broken_engine() -> Iterator[str]:
    """Return the address of an engine that answers, and fails whatever it is asked."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"tcp://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def test_an_engine_that_answers_with_an_error_is_one(broken_engine: str) -> None:
    with pytest.raises(SandboxError) as raised:
        start_docker(settings(DOCKER_HOST=broken_engine))

    assert not isinstance(raised.value, NoEngineError)
