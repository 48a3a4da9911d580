"""What POPs are to hold is shown to administrators, with hit ratios predicted and real, and why the rest missed."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from flask.testing import FlaskClient
from sqlalchemy import Engine

from store import playbacks, pops
from store.playbacks import Playback
from tests.apis import Api, api
from tests.integration.edge_yard import FakeEdge, pop_named
from tests.integration.placement_town import Town, files_of


@pytest.fixture
def yard(database_url: str, redis_url: str) -> Iterator[Api]:
    with api(database_url, redis_url) as built:
        yield built


@pytest.fixture
def edge(engine: Engine) -> FakeEdge:
    """Two POPs with room for one video of 100 bytes each, and both are healthy."""
    built = FakeEdge(engine, ("ams1", "fra1"))
    for name in built.pops:
        built.put(pop_named(name, url=f"http://{name}.example", capacity_bytes=100))
        built.run(lambda session, name=name: pops.note_seen(session, name))
    return built


@pytest.fixture
def town(edge: FakeEdge) -> Town:
    return Town(edge, lambda path, tags: edge.origin.put(path, tags=(tags,)))


@pytest.fixture
def admin(yard: Api) -> FlaskClient:
    return yard.client("ada", is_admin=True)


def play(client: FlaskClient, video_id: UUID, region: str = "eu") -> str | None:
    """Ask where a video can be played; return the POP's name."""
    answer = client.get(f"/v1/titles/title-{video_id}/playback?region={region}")
    assert answer.status_code == 200, answer.text
    pop = answer.json["pop"]
    return pop and pop["name"]


def today(client: FlaskClient, query: str = "") -> dict[str, dict[str, object]]:
    return {each["pop"]: each["days"][0] for each in client.get(f"/v1/placements{query}").json["placements"]}


def outcomes(client: FlaskClient) -> dict[str, int]:
    """How many renditions were hits or missed for a reason, at all POPs together."""
    counts: dict[str, int] = {}
    for day in today(client).values():
        for name, count in {"hit": day["hits"], **day["misses"]}.items():
            counts[name] = counts.get(name, 0) + count
    return {name: count for name, count in counts.items() if count}


def test_viewers_are_sent_to_who_is_to_hold_the_video_and_that_is_a_hit(
    admin: FlaskClient, edge: FakeEdge, town: Town
) -> None:
    videos = [town.publish(views=views) for views in (30, 20, 10)]
    edge.do(do="populate")
    homes = {video: name for name, held in town.placed().items() for video, _ in held}

    sent = {video: [play(admin, video) for _ in range(3)] for video in videos}

    assert len(homes) == 2
    assert all(sent[video] == [homes[video]] * 3 for video in homes)
    # Whatever is placed nowhere is asked for at the POP that prediction counts it at.
    assert len(set(sent[videos[2]])) == 1
    assert outcomes(admin) == {"hit": 6, "not_placed": 3}


def test_prediction_and_routing_agree(admin: FlaskClient, edge: FakeEdge, town: Town) -> None:
    videos = {town.publish(views=views): views for views in (5, 4, 3, 2)}
    edge.do(do="populate")

    for video, views in videos.items():
        for _ in range(views):
            play(admin, video)

    shown = today(admin)
    for day in shown.values():
        assert day["real_hit_ratio"] is None or day["real_hit_ratio"] == pytest.approx(day["predicted_hit_ratio"])
    assert sum(day["requests"] for day in shown.values()) == 14


def test_before_it_is_filled_it_is_missed_because_of_that(admin: FlaskClient, edge: FakeEdge, town: Town) -> None:
    video = town.publish(views=1)
    for pop in edge.pops.values():
        pop.unkept = {files_of(video, "sd")[1]}
    edge.do(do="populate")

    play(admin, video)

    assert outcomes(admin) == {"not_filled": 1}


def test_while_its_pop_is_down_it_is_missed_because_of_that(admin: FlaskClient, edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("far1", region="us", capacity_bytes=100))
    edge.run(lambda session: pops.note_seen(session, "far1"))
    video, other = town.publish(views=20), town.publish(views=10)
    edge.do(do="populate")
    home = next(name for name, held in town.placed().items() if (video, "sd") in held)
    neighbour = next(name for name in edge.pops if name != home)

    edge.run(lambda session: pops.note_error(session, home, "connection refused"))
    near = play(admin, video)
    edge.run(lambda session: pops.note_error(session, neighbour, "connection refused"))
    far = play(admin, video)
    edge.run(lambda session: pops.note_error(session, "far1", "connection refused"))
    nowhere = play(admin, video)

    assert (near, far, nowhere) == (neighbour, "far1", None)
    assert outcomes(admin) == {"pop_down": 3}
    # Without a POP it counts where the viewer would have been sent to.
    assert {name: day["requests"] for name, day in today(admin).items()} == {neighbour: 1, "far1": 1, home: 1}
    assert other


def test_an_administrator_has_it_decided_at_once_and_is_on_record(
    admin: FlaskClient, yard: Api, edge: FakeEdge, town: Town
) -> None:
    video = town.publish(views=1)

    accepted = admin.post("/v1/placements", json={"reason": "a festival"})
    edge.work()
    job = admin.get(accepted.headers["Location"]).json
    shown = {each["pop"]: each for each in admin.get("/v1/placements").json["placements"]}

    assert (accepted.status_code, job["state"], job["owner"]) == (202, "succeeded", "ada")
    assert job["result"]["regions"] == ["eu"]
    for name, held in town.held().items():
        keys = ("region", "capacity_bytes", "used_bytes", "renditions", "by")
        assert [shown[name][key] for key in keys] == ["eu", 100, 100 * len(held), len(held), "ada"]
    assert {video for held in town.held().values() for video, _ in held} == {video}
    listed = admin.get("/v1/cache-refreshes?by=ada").json["cache_refreshes"]
    assert [(each["mode"], each["reason"]) for each in listed] == [("fill", "a festival")]
    bob = yard.client("bob")
    assert bob.get("/v1/placements").status_code == 403
    assert bob.post("/v1/placements", json={"reason": "me too"}).status_code == 403
    assert admin.post("/v1/placements", json={}).status_code == 422
    assert admin.get("/v1/placements?days=0").status_code == 422


def test_days_are_shown_today_first_with_what_counters_say(admin: FlaskClient, edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("fra1", is_enabled=False))
    video = town.publish(views=1)
    edge.do(do="populate")
    edge.do(do="reconcile")
    edge.world.execute("UPDATE pop_stats SET at = greatest(at - interval '1 minute', date_trunc('day', now()))")
    for pop in edge.pops.values():
        for path in list(pop.copies):
            pop.fetch(path)
    edge.do(do="reconcile")
    home = play(admin, video, "eu-west")
    play(admin, video, "us")
    days = {each["pop"]: each["days"] for each in admin.get("/v1/placements?days=3").json["placements"]}[home]

    utc = datetime.now(UTC).date()
    assert [day["day"] for day in days] == [f"{utc - timedelta(days=age)}" for age in range(3)]
    assert [day["predicted_hit_ratio"] for day in days] == [1.0, None, None]
    assert (days[0]["real_hit_ratio"], days[0]["counted_hit_ratio"], days[0]["requests"]) == (1.0, 1.0, 2)
    assert days[1]["counted_hit_ratio"] is None
    assert today(admin, "?region=eu")[home]["requests"] == 1


def test_prometheus_sees_what_was_predicted_and_what_came_true(
    admin: FlaskClient, edge: FakeEdge, town: Town
) -> None:
    video = town.publish(views=1)
    edge.put(pop_named("fra1", is_enabled=False))
    edge.do(do="populate")
    play(admin, video)

    lines = admin.get("/metrics").text.splitlines()

    for line in (
        'pop_placed_bytes{pop="ams1"} 100.0',
        'pop_predicted_hit_ratio{pop="ams1"} 1.0',
        'pop_real_hit_ratio{pop="ams1"} 1.0',
        'pop_playbacks_total{outcome="hit",pop="ams1"} 1.0',
        'pop_playbacks_total{outcome="pop_down",pop="ams1"} 0.0',
    ):
        assert line in lines


def test_without_views_before_today_nothing_is_predicted(admin: FlaskClient, edge: FakeEdge, town: Town) -> None:
    edge.put(pop_named("fra1", is_enabled=False))
    town.publish(views=1)
    edge.do(do="populate")
    edge.world.execute("UPDATE placement_plans SET made_at = made_at - interval '1 day'")
    edge.world.execute("UPDATE video_views SET day = (now() AT TIME ZONE 'UTC')::date")
    edge.do(do="populate")
    edge.world.execute(
        "UPDATE placement_plans SET made_at = date_trunc('day', now(), 'UTC') + interval '1 hour'"
        " WHERE made_at = (SELECT max(made_at) FROM placement_plans WHERE pop = 'ams1')"
    )

    shown = {each["pop"]: each for each in admin.get("/v1/placements").json["placements"]}["ams1"]
    lines = admin.get("/metrics").text.splitlines()

    assert shown["predicted_hit_ratio"] is None
    assert [day["predicted_hit_ratio"] for day in shown["days"][:3]] == [None, 1.0, None]
    assert not [line for line in lines if line.startswith("pop_predicted_hit_ratio{")]


def test_what_was_taken_down_is_shown_as_placed_nowhere_at_once(
    admin: FlaskClient, edge: FakeEdge, town: Town
) -> None:
    videos = [town.publish(views=views) for views in (30, 20)]
    edge.do(do="populate")
    homes = {video: name for name, held in town.placed().items() for video, _ in held}

    town.take_down(videos[0])

    shown = {each["pop"]: each for each in admin.get("/v1/placements").json["placements"]}
    amounts = {name: (each["renditions"], each["used_bytes"]) for name, each in shown.items()}
    assert amounts == {homes[videos[0]]: (0, 0), homes[videos[1]]: (1, 100)}
    assert f'pop_placed_bytes{{pop="{homes[videos[0]]}"}} 0.0' in admin.get("/metrics").text.splitlines()


def test_many_who_count_at_once_are_all_counted(
    engine: Engine, admin: FlaskClient, edge: FakeEdge, town: Town
) -> None:
    video = town.publish({"sd": 40, "hd": 60}, views=1)
    reasons = [{"sd": "not_placed", "hd": "pop_down"}, {"hd": "not_placed", "sd": "pop_down"}]

    def count(number: int) -> None:
        playback = Playback("ams1", is_served=True, region="eu", video_id=video, reasons=reasons[number % 2])
        edge.run(lambda session: playbacks.count(session, playback))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(count, range(80)))

    assert outcomes(admin) == {"not_placed": 80, "pop_down": 80}


def test_old_days_and_decisions_are_forgotten_but_the_last(edge: FakeEdge, town: Town) -> None:
    video = town.publish(views=1)
    town.view(video, 1, days_ago=90)
    town.view(video, 1, days_ago=92)
    edge.do(do="populate")
    edge.do(do="populate")
    edge.world.execute("UPDATE placement_plans SET made_at = made_at - interval '100 days'")
    edge.world.execute(
        "INSERT INTO playback_outcomes SELECT current_date - age, 'ams1', 'eu', 'hit', 0, 1"
        " FROM unnest(ARRAY[91, 90]) AS age"
    )

    edge.do(do="reconcile")

    assert edge.world.count("SELECT count(*) FROM placement_plans") == 2
    assert edge.world.count("SELECT count(*) FROM playback_outcomes") == 1
    assert edge.world.count("SELECT count(*) FROM video_views") == 2
    assert edge.run(lambda session: playbacks.report(session, 1))
