"""Health and metrics while servers come and go."""

from __future__ import annotations

import pytest

from cli.stack.servers import PostgresServer
from store.db import create_engine
from store.migrate import migrate
from tests.apis import HELLO, api


@pytest.fixture
def own_postgres(tmp_path_factory):
    server = PostgresServer(tmp_path_factory.mktemp("own-postgres"), options={"fsync": "off"})
    server.start()
    engine = create_engine(server.url(), 1, "test")
    migrate(engine)
    engine.dispose()
    yield server
    server.stop()


def test_the_process_is_ready_with_both_servers(database_url, redis_url):
    with api(database_url, redis_url) as yard:
        answer = yard.app.test_client().get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "ready")


def test_without_redis_the_process_starts_and_serves_degraded(database_url):
    with api(database_url, "redis://127.0.0.1:1/0") as yard:
        answer = yard.app.test_client().get("/readyz")

    assert (answer.status_code, answer.json["status"]) == (200, "degraded")


def test_without_postgresql_everything_says_so_and_works_again_after_it(own_postgres, redis_url):
    with api(own_postgres.url(), redis_url) as yard:
        client = yard.client()
        client.post("/v1/code-runs", json=HELLO)
        own_postgres.kill()

        down = [client.get("/readyz"), client.post("/v1/code-runs", json=HELLO), client.get("/v1/jobs")]
        alive, metrics = client.get("/healthz"), client.get("/metrics").text
        own_postgres.start()
        client.post("/v1/code-runs", json=HELLO)
        recovered = client.post("/v1/code-runs", json=HELLO)

        assert [answer.status_code for answer in down] == [503] * 3
        assert down[1].json["type"] == "/problems/database-unavailable"
        assert int(down[1].headers["Retry-After"]) > 0
        assert alive.status_code == 200
        assert "database_up 0.0" in metrics
        assert recovered.status_code == 202


def test_metrics_show_requests_and_what_the_database_knows(database_url, redis_url):
    with api(database_url, redis_url) as yard:
        client = yard.client()
        jobs = [client.post("/v1/code-runs", json=HELLO).json["id"] for _ in range(3)]
        yard.fail(jobs[0])
        client.get("/v1/nothing")

        metrics = client.get("/metrics").text

    assert 'http_requests_total{method="POST",route="/v1/code-runs",status="202"} 3.0' in metrics
    assert 'http_requests_total{method="GET",route="unmatched",status="404"} 1.0' in metrics
    assert 'jobs{queue="code_runs",state="queued"} 2.0' in metrics
    assert 'jobs_dead{kind="code_runs"} 1.0' in metrics
    assert "database_up 1.0" in metrics
