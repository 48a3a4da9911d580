"""Caches at the edge are refreshed over HTTP, by administrators, on the record."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine, event

from tests.apis import Api, api
from tests.integration.edge_yard import FakeEdge, pop_named
from web.edge_metrics import edge_families

POP = {"region": "ap-south", "url": "http://blr.example", "driver": "varnish", "capacity_bytes": 10_000}
WANTED = {"urls": ["/v1/questions"], "reason": "a typo in the list"}


@pytest.fixture
def yard(database_url: str, redis_url: str) -> Iterator[Api]:
    with api(database_url, redis_url) as built:
        yield built


@pytest.fixture
def edge(engine: Engine) -> FakeEdge:
    built = FakeEdge(engine)
    built.publish("/v1/questions", "/v1/questions/a")
    return built


@pytest.fixture
def admin(yard: Api) -> FlaskClient:
    return yard.client("ada", is_admin=True)


def test_a_refresh_is_accepted_done_and_shown_per_pop(admin: FlaskClient, edge: FakeEdge) -> None:
    edge.pops["fra1"].is_away = True

    accepted = admin.post("/v1/cache-refreshes", json=WANTED | {"mode": "fill", "now": True})
    place = accepted.headers["Location"]
    before = admin.get(place).json
    edge.work()
    after = admin.get(place).json

    assert accepted.status_code == 202
    assert accepted.json["links"]["self"] == place
    assert accepted.headers["Retry-After"] == "1"
    assert before["state"] == "working"
    assert {key: after[key] for key in ("by", "reason", "mode", "selection", "now", "state")} == {
        "by": "ada",
        "reason": "a typo in the list",
        "mode": "fill",
        "selection": {"urls": ["/v1/questions"]},
        "now": True,
        "state": "deferred",
    }
    shown = {target["pop"]: target for target in after["targets"]}
    assert [shown["blr1"][key] for key in ("state", "removed", "filled", "verified", "bytes", "attempts")] == [
        "done", 0, 1, 1, 10, 1,
    ]  # fmt: skip
    assert [shown["fra1"][key] for key in ("state", "attempts", "last_error")] == [
        "deferred", 4, "connection refused",
    ]  # fmt: skip
    batch = admin.get(after["links"]["job"]).json
    assert (batch["state"], batch["children"]["succeeded"]) == ("succeeded", 3)


def test_who_purged_what_and_why_is_listed_page_by_page(admin: FlaskClient, yard: Api, edge: FakeEdge) -> None:
    for number in range(3):
        admin.post(
            "/v1/cache-refreshes", json={"tags": ["questions"], "reason": f"reason {number}", "pops": ["blr1"]}
        )
    yard.client("bob", is_admin=True).post("/v1/cache-refreshes", json=WANTED)

    first = admin.get("/v1/cache-refreshes?limit=2&by=ada")
    second = admin.get(first.json["next"])
    everybody = admin.get("/v1/cache-refreshes").json["cache_refreshes"]

    reasons = [[each["reason"] for each in page.json["cache_refreshes"]] for page in (first, second)]
    assert reasons == [["reason 2", "reason 1"], ["reason 0"]]
    assert second.json["next"] is None
    assert [each["by"] for each in everybody] == ["bob", "ada", "ada", "ada"]


def test_a_repeated_request_with_its_key_begins_one_refresh(admin: FlaskClient, edge: FakeEdge) -> None:
    headers = {"Idempotency-Key": "again"}

    first = admin.post("/v1/cache-refreshes", json=WANTED, headers=headers)
    second = admin.post("/v1/cache-refreshes", json=WANTED, headers=headers)
    other = admin.post("/v1/cache-refreshes", json=WANTED | {"reason": "another"}, headers=headers)

    assert first.json["id"] == second.json["id"]
    assert second.headers["Idempotent-Replayed"] == "true"
    assert (other.status_code, other.json["code"]) == (422, "idempotency_key_reused")
    assert edge.world.count("SELECT count(*) FROM cache_refreshes") == 1
    assert edge.world.count("SELECT count(*) FROM cache_refresh_targets") == 3


def test_the_same_request_from_many_at_once_begins_one_refresh(yard: Api, edge: FakeEdge) -> None:
    clients = [yard.client("ada", is_admin=True) for _ in range(6)]
    together = threading.Barrier(len(clients))

    def ask(client: FlaskClient) -> str:
        together.wait()
        answer = client.post("/v1/cache-refreshes", json=WANTED, headers={"Idempotency-Key": "once"})
        assert answer.status_code == 202, answer.text
        return str(answer.json["id"])

    with ThreadPoolExecutor(len(clients)) as pool:
        ids = set(pool.map(ask, clients))

    assert len(ids) == 1
    assert edge.world.count("SELECT count(*) FROM cache_refresh_targets") == 3


def test_all_kinds_of_selections_are_understood(admin: FlaskClient, edge: FakeEdge) -> None:
    asked = [
        {"urls": ["http://pop.example/v1/questions", "http://localhost/v1/titles"]},
        {"tags": ["questions", "video:42"]},
        {"prefix": "/v/42/"},
        {"set": "titles"},
    ]

    answers = [
        admin.post("/v1/cache-refreshes", json={**each, "reason": "r", "pops": "all", "mode": "hard"})
        for each in asked
    ]

    assert [answer.status_code for answer in answers] == [202, 202, 202, 202]
    assert [answer.json["selection"] for answer in answers] == [
        {"urls": ["/v1/questions", "/v1/titles"]},
        *asked[1:],
    ]


@pytest.mark.parametrize("query", ["by=%00", "by=", "limit=0", "cursor=x", "who=ada"])
def test_a_list_of_what_there_cannot_be_is_refused(admin: FlaskClient, query: str) -> None:
    answer = admin.get(f"/v1/cache-refreshes?{query}")

    assert answer.status_code == 422
    assert answer.json["errors"][0]["parameter"] == query.partition("=")[0]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"urls": None}, "/urls"),
        ({"tags": ["a"]}, "/tags"),
        ({"set": "titles"}, "/set"),
        ({"urls": ["http://evil/v1/questions"]}, "/urls/0"),
        ({"urls": ["http://169.254.169.254/latest/meta-data"]}, "/urls/0"),
        ({"urls": ["/a", "/v1/../admin"]}, "/urls/1"),
        ({"urls": ["//evil/a"]}, "/urls/0"),
        ({"urls": []}, "/urls"),
        ({"urls": [f"/{number}" for number in range(10_000)]}, "/urls"),
        ({"urls": "/a"}, "/urls"),
        ({"urls": [1]}, "/urls/0"),
        ({"urls": None, "tags": ["a b"]}, "/tags/0"),
        ({"urls": None, "prefix": "v/42"}, "/prefix"),
        ({"urls": None, "set": "secrets"}, "/set"),
        ({"mode": "firm"}, "/mode"),
        ({"pops": ["blr1", "xxx9"]}, "/pops/1"),
        ({"pops": []}, "/pops"),
        ({"pops": "every"}, "/pops"),
        ({"reason": ""}, "/reason"),
        ({"reason": "a\nb"}, "/reason"),
        ({"reason": 501 * "a"}, "/reason"),
        ({"now": "yes"}, "/now"),
        ({"unknown": 1}, "/unknown"),
    ],
)
def test_bad_input_names_the_field_and_writes_nothing(
    admin: FlaskClient, edge: FakeEdge, change: dict[str, object], field: str
) -> None:
    body = {name: value for name, value in (WANTED | change).items() if value is not None}

    answer = admin.post("/v1/cache-refreshes", json=body)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid_fields"), answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [field]
    assert edge.world.count("SELECT count(*) FROM cache_refreshes") == 0
    assert edge.world.count("SELECT count(*) FROM jobs") == 0


def test_a_reason_must_be_given(admin: FlaskClient, edge: FakeEdge) -> None:
    answer = admin.post("/v1/cache-refreshes", json={"urls": ["/a"]})

    assert [error["pointer"] for error in answer.json["errors"]] == ["/reason"]


def test_without_a_pop_nothing_can_be_refreshed(admin: FlaskClient) -> None:
    answer = admin.post("/v1/cache-refreshes", json=WANTED)

    assert answer.json["errors"] == [{"pointer": "/pops", "detail": "must name a POP; there is none yet"}]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("post", "/v1/cache-refreshes"),
        ("get", "/v1/cache-refreshes"),
        ("get", f"/v1/cache-refreshes/{UUID(int=1)}"),
        ("get", "/v1/pops"),
        ("put", "/v1/pops/blr1"),
        ("delete", "/v1/pops/blr1"),
    ],
)
def test_the_edge_is_for_administrators(yard: Api, edge: FakeEdge, method: str, path: str) -> None:
    plain, nobody = yard.client("eve"), yard.app.test_client()

    assert getattr(plain, method)(path, json=WANTED).status_code == 403
    assert getattr(nobody, method)(path, json=WANTED).status_code == 401
    assert edge.world.count("SELECT count(*) FROM jobs") == 0


def test_a_refresh_that_there_is_not_is_not_found(admin: FlaskClient) -> None:
    assert admin.get(f"/v1/cache-refreshes/{UUID(int=1)}").status_code == 404
    assert admin.get("/v1/cache-refreshes/1").status_code == 404


def test_prometheus_sees_pops_and_what_is_open(admin: FlaskClient, edge: FakeEdge) -> None:
    edge.pops["iad1"].is_away = True
    edge.fill("/v1/questions")
    edge.do(do="reconcile")

    lines = admin.get("/metrics").text.splitlines()

    for line in (
        'pop_up{pop="blr1"} 1.0',
        'pop_up{pop="iad1"} 0.0',
        'pop_misses_total{pop="blr1"} 1.0',
        'pop_objects{pop="fra1"} 1.0',
        'edge_objects{pop="blr1",state="verified"} 1.0',
        'edge_objects{pop="iad1",state="wanted"} 1.0',
        'cache_refreshes_open{pop="iad1",state="deferred"} 1.0',
        'cache_refreshes_open{pop="blr1",state="deferred"} 0.0',
    ):
        assert line in lines


def test_a_pop_that_nobody_has_asked_for_minutes_is_not_up_and_not_healthy(
    admin: FlaskClient, edge: FakeEdge
) -> None:
    edge.do(do="reconcile")
    with edge.world.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE pops SET last_seen_at = now() - interval '4 minutes' WHERE name = 'fra1'")

    shown = {pop["name"]: pop["is_healthy"] for pop in admin.get("/v1/pops").json["pops"]}

    assert shown == {"blr1": True, "fra1": False, "iad1": True}
    lines = admin.get("/metrics").text.splitlines()
    assert [f'pop_up{{pop="{name}"}} {float(shown[name])}' in lines for name in shown] == [True, True, True]


def test_a_pop_that_is_made_while_metrics_are_read_is_one_that_is_not_up(edge: FakeEdge) -> None:
    def make_another(*arguments: object) -> None:
        if "last_error FROM pops" in str(arguments[2]):
            edge.put(pop_named("new1"))

    event.listen(edge.world.engine, "after_cursor_execute", make_another)
    try:
        families = edge.run(edge_families)
    finally:
        event.remove(edge.world.engine, "after_cursor_execute", make_another)

    ups = {sample.labels["pop"]: sample.value for sample in families[0].samples}
    assert ups["new1"] == 0
