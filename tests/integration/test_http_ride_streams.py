"""Rides and offers as event streams, through the application, on the real PostgreSQL and Valkey."""

from __future__ import annotations

import itertools
import json
import threading
from dataclasses import replace

import pytest
import requests

from cli.stack.servers import ValkeyServer
from store.db import db
from tests.apis import served
from tests.integration import http_races as at
from tests.integration.http_rides import DESTINATION, ELSEWHERE, PICKUP, events_in, problem, push, streets
from tests.integration.rides_world import Together, rounds
from web.ttl_cache import TTL_S
from web.version_cache import VersionCache
from web.waiting import WaitHub


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def later(seconds: float, function, *arguments) -> threading.Timer:
    timer = threading.Timer(seconds, function, arguments)
    timer.start()
    return timer


def without_positions(text: str) -> list[str]:
    return [name for name in events_in(text) if name != "position"]


def followed(client, ride: str):
    """Open the stream of a ride; return it and what comes, name and data at a time."""
    stream = client.get(f"{ride}/events", buffered=False)
    parts = (part if isinstance(part, str) else part.decode() for part in stream.response)
    return stream, ((events_in(part)[0], json.loads(part.split("data: ")[1])) for part in parts if "data: " in part)


def test_the_events_of_a_ride_are_streamed_to_its_end_and_resumed_where_they_broke_off(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.ordered(ann)}"
    offer = town.offer(ride[10:], "bob")

    def drive() -> None:
        for path in (f"/v1/offers/{offer.id}/accept", f"{ride}/start", f"{ride}/finish"):
            assert bob.post(path).status_code == 200

    timer = later(0.2, drive)
    stream = ann.get(f"{ride}/events")
    timer.join()

    assert stream.mimetype == "text/event-stream"
    assert without_positions(stream.text) == ["created", "offered", "matched", "started", "finished"]
    assert "bob" not in stream.text
    assert stream.text.count("id: ") == 5
    ids = [line[4:] for line in stream.text.split("\n") if line.startswith("id: ")]
    resumed = ann.get(f"{ride}/events", headers={"Last-Event-ID": ids[2]})
    assert events_in(resumed.text) == ["started", "finished"]
    assert ann.get(f"{ride}/events", headers={"Last-Event-ID": ids[4]}).status_code == 204
    assert problem(ann.get(f"{ride}/events", headers={"Last-Event-ID": "x"})) == (400, "malformed_header")


def test_a_drivers_stream_of_a_ride_ends_when_it_is_given_back(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    timer = later(0.2, bob.post, f"{ride}/cancel")

    stream = bob.get(f"{ride}/events").text
    timer.join()

    assert without_positions(stream) == ["created", "offered", "matched"]


def test_between_the_events_of_a_ride_its_stream_tells_where_the_car_is(town, monkeypatch):
    monkeypatch.setattr("web.sse.LOOK_EVERY_S", 0.01)
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.ordered(ann)}"
    stream, told = followed(ann, ride)

    searching = [next(told)[0]]
    bob.post(f"/v1/offers/{town.offer(ride[10:], 'bob').id}/accept")
    matched = list(itertools.takewhile(lambda event: event[0] != "position", told))
    push(bob, ELSEWHERE)
    away = next(told)
    shown = ann.get(ride).json
    with town.yard.app.app_context():
        connections = db.engine.pool.checkedout()
    push(bob, PICKUP)
    near = next(told)
    for step in ("start", "finish"):
        bob.post(f"{ride}/{step}")
    rest = [name for name, _ in told]
    stream.close()

    assert searching + [name for name, _ in matched] == ["created", "offered", "matched"]
    assert away[0] == "position"
    away[1]["location"]["age_s"] = shown["location"]["age_s"] = 0
    assert away[1] == {"ride_id": ride[10:]} | {name: shown[name] for name in away[1] if name != "ride_id"}
    assert (away[1]["location"]["latitude"], away[1]["uber_status"]) == (ELSEWHERE["latitude"], "accepted")
    assert near[1]["uber_status"] == "arriving"
    assert near[1]["pickup"]["eta_s"] < away[1]["pickup"]["eta_s"]
    assert rest == ["started", "finished"]
    assert connections == 0


def test_a_ride_is_followed_while_redis_is_away_and_its_car_once_that_is_back(
    tmp_path, database_url, engine, monkeypatch
):
    monkeypatch.setattr("web.sse.LOOK_EVERY_S", 0.01)
    valkey = ValkeyServer(tmp_path / "valkey")
    valkey.start()
    try:
        with streets(database_url, valkey.url(), engine) as town:
            ann, bob = town.person("ann"), town.driver("bob")
            ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
            stream, told = followed(ann, ride)

            before = [name for name, _ in itertools.islice(told, 4)]
            valkey.stop()
            bob.post(f"{ride}/start")
            meanwhile = next(told)[0]
            valkey.start()
            push(bob, DESTINATION)
            after = [next(told), next(told)]
            stream.close()
    finally:
        valkey.stop()

    assert before == ["created", "offered", "matched", "position"]
    assert meanwhile == "started"
    assert [name for name, _ in after] == ["in_progress", "position"]
    assert after[1][1]["location"]["latitude"] == DESTINATION["latitude"]


def test_whoever_gave_the_ride_back_is_not_seen_by_a_client_who_reads_slowly(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    stream, told = followed(ann, ride)
    before = [name for name, _ in itertools.islice(told, 3)]

    # What the client reads next was not looked up yet.
    assert bob.post(f"{ride}/cancel").status_code == 204
    push(bob, ELSEWHERE)
    after = next(told)[0]
    stream.close()

    assert before == ["created", "offered", "matched"]
    assert after == "driver_cancelled"


def test_whoever_gave_the_ride_back_is_not_seen_though_nobody_is_woken(town, monkeypatch):
    monkeypatch.setattr("web.sse.LOOK_EVERY_S", 0.01)
    replace(town.tools, hub=WaitHub()).install(town.yard.app.extensions)
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    stream, told = followed(ann, ride)
    before = [name for name, _ in itertools.islice(told, 4)]

    assert bob.post(f"{ride}/cancel").status_code == 204
    push(bob, ELSEWHERE)
    after = next(told)[0]
    stream.close()

    assert before == ["created", "offered", "matched", "position"]
    assert after == "driver_cancelled"


def test_whoever_gave_the_ride_back_unheard_of_is_seen_for_half_a_minute_at_most(town, monkeypatch):
    monkeypatch.setattr("web.sse.LOOK_EVERY_S", 0.01)
    now = [0.0]
    replace(town.tools, hub=WaitHub(), ride_versions=VersionCache(lambda: now[0])).install(town.yard.app.extensions)
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    stream, told = followed(ann, ride)
    before = [name for name, _ in itertools.islice(told, 4)]

    # By another process, and this one's ear is cut off.
    town.world.give_back(town.ride(ride[10:]), "bob")
    now[0] = TTL_S
    push(bob, ELSEWHERE)
    after = next(told)[0]
    stream.close()

    assert before == ["created", "offered", "matched", "position"]
    assert after == "driver_cancelled"


def test_a_stream_is_woken_by_every_change_and_shows_no_position_of_who_is_gone(town, monkeypatch):
    # Nothing but a wake-up brings the event within the time of this test.
    monkeypatch.setattr("web.sse.LOOK_EVERY_S", 60.0)
    monkeypatch.setattr("web.sse.HEARTBEAT_S", 60.0)
    scene, seen = at.Scene(town), set()

    with Together(2) as together:
        for _ in rounds(lambda: len(seen) == 2):
            scene.clear()
            at.matched(scene)
            stream, told = followed(scene.ann, scene.path)
            before = [name for name, _ in itertools.islice(told, 3)]

            after, _ = together.race((_read_until, told, "driver_cancelled"), (_give_back_and_move, scene))

            stream.close()
            assert before == ["created", "offered", "matched"]
            seen.add(tuple(after))

    assert seen == {("driver_cancelled",), ("position", "driver_cancelled")}


def _read_until(told, last: str) -> list[str]:
    names = []
    while last not in names:
        names.append(next(told)[0])
    return names


def _give_back_and_move(scene: at.Scene) -> None:
    assert at.give_back(scene) == "204"
    assert push(scene.bob, ELSEWHERE).json["accepted"] == 1


def test_a_moving_car_is_seen_through_the_real_server(town, tmp_path, database_url, redis_url):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = town.matched(ann, bob, "bob")
    headers = {"Authorization": ann.environ_base["HTTP_AUTHORIZATION"]}

    with (
        served(tmp_path, database_url, redis_url) as server,
        requests.get(f"{server.url}/v1/rides/{ride}/events", headers=headers, stream=True, timeout=30) as stream,
    ):
        data = (line[6:] for line in stream.iter_lines(decode_unicode=True) if line.startswith("data: "))
        seen = (told["location"]["latitude"] for told in map(json.loads, data) if "location" in told)
        first = next(seen)
        push(bob, ELSEWHERE)
        second = next(seen)

    assert (first, second) == (PICKUP["latitude"], ELSEWHERE["latitude"])


def test_offers_are_streamed_as_they_come_and_close(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = town.ordered(ann)
    first = town.offer(ride, "bob")
    stream = bob.get("/v1/drivers/me/offer", headers={"Accept": "text/event-stream"}, buffered=False)
    parts = iter(stream.response)

    opened = [next(parts), next(parts)]
    ann.patch(f"/v1/rides/{ride}", json={"destination": ELSEWHERE})
    closed = next(parts)
    town.offer(ride, "bob")
    reopened = next(parts)
    stream.close()

    text = [part if isinstance(part, str) else part.decode() for part in (*opened, closed, reopened)]
    assert stream.mimetype == "text/event-stream"
    assert events_in("".join(text)) == ["offer", "offer_closed", "offer"]
    assert str(first.id) in text[1]
    assert str(first.id) in text[2]
    assert json.loads(text[3].split("data: ")[1])["destination"]["latitude"] == ELSEWHERE["latitude"]
