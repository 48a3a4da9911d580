"""POPs are made, changed and looked at over HTTP, by administrators."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from domain.cache_refreshes.model import Mode, Scope
from tests.apis import Api, api
from tests.integration.edge_yard import FakeEdge
from tests.integration.placement_town import Town

POP = {"region": "ap-south", "url": "http://blr.example", "driver": "varnish", "capacity_bytes": 10_000}


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


def test_a_pop_is_created_changed_shown_and_forgotten(admin: FlaskClient, edge: FakeEdge) -> None:
    window = {"start": "23:00", "end": "05:30", "timezone": "Asia/Kolkata"}

    created = admin.put("/v1/pops/blr2", json=POP)
    changed = admin.put(
        "/v1/pops/blr2",
        json=POP | {"control_url": "http://10.0.0.2:6081/", "fill_window": window, "max_bytes_per_s": 1000},
    )
    names = [pop["name"] for pop in admin.get("/v1/pops").json["pops"]]
    gone = admin.delete("/v1/pops/blr2")

    assert (created.status_code, changed.status_code, gone.status_code) == (201, 200, 204)
    assert created.json["control_url"] == "http://blr.example"
    assert (changed.json["control_url"], changed.json["fill_window"]) == ("http://10.0.0.2:6081", window)
    assert names == ["blr1", "blr2", "fra1", "iad1"]
    assert admin.get("/v1/pops/blr2").status_code == 404
    assert admin.delete("/v1/pops/blr2").status_code == 404


def test_a_new_pop_is_given_what_is_published(admin: FlaskClient, edge: FakeEdge) -> None:
    edge.run(lambda session: session.connection().exec_driver_sql("DELETE FROM pops WHERE name = 'blr1'"))

    admin.put("/v1/pops/blr1", json=POP)
    edge.work()

    assert set(edge.pops["blr1"].copies) == {"/v1/questions", "/v1/questions/a"}
    assert edge.reasons() == ["the POP blr1 is new", "the POP blr1 is new"]


@pytest.mark.parametrize(
    ("before", "news"),
    [
        ({"is_enabled": False}, "was switched on"),
        ({"control_url": "http://10.0.0.9:6081"}, "has moved"),
        ({"capacity_bytes": 1}, "has other room or hours"),
        ({"max_bytes_per_s": 1}, "has other room or hours"),
    ],
)
def test_a_pop_that_comes_back_or_is_changed_is_given_what_it_should_hold(
    before: dict, news: str, admin: FlaskClient, edge: FakeEdge
) -> None:
    edge.run(lambda session: session.connection().exec_driver_sql("DELETE FROM pops WHERE name = 'blr1'"))
    admin.put("/v1/pops/blr1", json=POP | before)
    edge.work()
    edge.origin.put("/v/1/r/seg_1.ts", '"1"')
    edge.hold("blr1", "/v/1/r/seg_1.ts")
    edge.pops["blr1"].copies.clear()

    admin.put("/v1/pops/blr1", json=POP)
    edge.work()

    assert set(edge.pops["blr1"].copies) == {"/v1/questions", "/v1/questions/a", "/v/1/r/seg_1.ts"}
    assert f"the POP blr1 {news}" in edge.reasons()


@pytest.mark.parametrize(
    ("change", "stays"), [({"capacity_bytes": 100}, "here"), ({"region": "us-east", "capacity_bytes": 101}, "there")]
)
def test_a_pop_with_less_room_or_elsewhere_is_planned_anew_at_once(
    admin: FlaskClient, edge: FakeEdge, change: dict, stays: str
) -> None:
    town = Town(edge, lambda path, tags: edge.origin.put(path, tags=(tags,)))
    admin.put("/v1/pops/blr1", json=POP | {"capacity_bytes": 200})
    videos = {"here": town.publish(), "there": town.publish()}
    town.view(videos["here"], 30, region="ap-south")
    town.view(videos["there"], 20, region="us-east")
    town.view(videos["there"], 1, region="ap-south")
    edge.do(do="populate")
    assert len(town.held()["blr1"]) == 2

    admin.put("/v1/pops/blr1", json=POP | change)
    edge.work()

    assert town.held()["blr1"] == town.placed()["blr1"] == {(videos[stays], "sd")}


def test_a_window_that_was_moved_is_obeyed_by_what_waits(admin: FlaskClient, edge: FakeEdge) -> None:
    starts, ends = (f"{datetime.now(UTC) + timedelta(hours=hours):%H:%M}" for hours in (6, 7))
    admin.put("/v1/pops/blr1", json=POP | {"fill_window": {"start": starts, "end": ends, "timezone": "UTC"}})
    edge.origin.put("/v/1/r/seg_1.ts", '"1"')
    edge.refresh(Mode.FILL, Scope(paths=("/v/1/r/seg_1.ts",)), "blr1")
    edge.work()
    assert "/v/1/r/seg_1.ts" not in edge.pops["blr1"].copies

    admin.put("/v1/pops/blr1", json=POP)
    edge.work()

    assert "/v/1/r/seg_1.ts" in edge.pops["blr1"].copies


def test_a_pop_that_stays_as_it_is_is_given_nothing(admin: FlaskClient, edge: FakeEdge) -> None:
    admin.put("/v1/pops/blr1", json=POP)
    edge.work()
    before = edge.reasons()

    admin.put("/v1/pops/blr1", json=POP)
    admin.put("/v1/pops/blr1", json=POP | {"capacity_bytes": 5, "is_enabled": False})

    assert edge.reasons() == before


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"url": "http://169.254.169.254"}, "/url"),
        ({"url": "ftp://blr"}, "/url"),
        ({"control_url": "http://[fe80::1]:80"}, "/control_url"),
        ({"control_url": "http://a/b?c"}, "/control_url"),
        ({"driver": "squid"}, "/driver"),
        ({"capacity_bytes": 0}, "/capacity_bytes"),
        ({"capacity_bytes": 2**60}, "/capacity_bytes"),
        ({"max_bytes_per_s": -1}, "/max_bytes_per_s"),
        ({"region": ""}, "/region"),
        ({"fill_window": {"start": "25:00", "end": "05:00", "timezone": "UTC"}}, "/fill_window/start"),
        ({"fill_window": {"start": "05:00", "end": "05:00", "timezone": "UTC"}}, "/fill_window/end"),
        ({"fill_window": {"start": "04:00", "end": "05:00", "timezone": "Mars/Base"}}, "/fill_window/timezone"),
        ({"fill_window": {"start": "04:00", "end": "05:00", "timezone": "Europe"}}, "/fill_window/timezone"),
        (
            {"fill_window": {"start": "04:00", "end": "05:00", "timezone": "../../etc/passwd"}},
            "/fill_window/timezone",
        ),
        ({"key": "secret"}, "/key"),
    ],
)
def test_a_pop_that_cannot_be_is_refused_by_field(
    admin: FlaskClient, edge: FakeEdge, change: dict[str, object], field: str
) -> None:
    answer = admin.put("/v1/pops/blr9", json=POP | change)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid_fields"), answer.text
    assert [error["pointer"] for error in answer.json["errors"]] == [field]
    assert admin.get("/v1/pops/blr9").status_code == 404


@pytest.mark.parametrize("name", ["BLR", "-a", "a_b", "a" * 64, "%2e%2e"])
def test_a_name_is_of_few_characters(admin: FlaskClient, name: str) -> None:
    answer = admin.put(f"/v1/pops/{name}", json=POP)

    assert answer.json["errors"][0]["parameter"] == "name"


def test_health_objects_and_hit_ratio_are_shown(admin: FlaskClient, edge: FakeEdge) -> None:
    edge.fill("/v1/questions", "/v1/questions/a")
    edge.pops["iad1"].is_away = True
    edge.do(do="reconcile")
    edge.pops["blr1"].fetch("/v1/questions")
    edge.world.execute("UPDATE pop_stats SET at = at - interval '1 minute'")
    edge.do(do="reconcile")

    shown = {pop["name"]: pop for pop in admin.get("/v1/pops").json["pops"]}

    assert shown["blr1"]["is_healthy"]
    assert (shown["blr1"]["objects"], shown["blr1"]["last_error"]) == ({"verified": 2}, None)
    traffic = shown["blr1"]["traffic"]
    assert [traffic[name] for name in ("hits", "misses", "objects", "stored_bytes", "hit_ratio")] == [
        1,
        2,
        2,
        20,
        1.0,
    ]
    assert not shown["iad1"]["is_healthy"]
    assert (shown["iad1"]["last_error"], shown["iad1"]["traffic"]) == ("connection refused", None)
