"""Rides and offers as event streams, through the application, on the real PostgreSQL and Valkey."""

from __future__ import annotations

import json
import threading

import pytest

from tests.integration.http_rides import ELSEWHERE, events_in, problem, streets


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def later(seconds: float, function, *arguments) -> threading.Timer:
    timer = threading.Timer(seconds, function, arguments)
    timer.start()
    return timer


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
    assert events_in(stream.text) == ["created", "offered", "matched", "started", "finished"]
    assert "bob" not in stream.text
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

    assert events_in(stream) == ["created", "offered", "matched"]


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
