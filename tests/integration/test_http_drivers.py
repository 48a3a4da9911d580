"""The driver's side of rides through the application, on the real PostgreSQL and Valkey."""

from __future__ import annotations

import threading
from uuid import uuid4

import pytest

from tests.integration.http_rides import (
    DESTINATION,
    DRIVER,
    ELSEWHERE,
    PICKUP,
    VEHICLE,
    fix,
    problem,
    push,
    streets,
)

NOBODY = "redis://127.0.0.1:1"


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def later(seconds: float, function, *arguments) -> threading.Timer:
    timer = threading.Timer(seconds, function, arguments)
    timer.start()
    return timer


def test_a_driver_registers_becomes_available_and_changes_what_is_driven(town):
    bob = town.person("bob")

    registered = bob.put("/v1/drivers/me", json=DRIVER)
    available = bob.put("/v1/drivers/me/status", json={"status": "available"})
    push(bob, PICKUP)
    before = town.candidates()
    changed = bob.put("/v1/drivers/me", json=DRIVER | {"product": "van"})

    assert (registered.json["status"], registered.json["ride_id"]) == ("unavailable", None)
    assert (registered.json["id"], registered.json["vehicle"]) == ("bob", VEHICLE)
    assert available.json["status"] == "available"
    assert bob.get("/v1/drivers/me").json == changed.json
    assert (changed.json["product"], changed.json["status"]) == ("van", "available")
    assert (before, town.candidates()) == (["bob"], [])


CALLS = [
    ("GET", "/v1/drivers/me", None),
    ("PUT", "/v1/drivers/me/status", {"status": "available"}),
    ("POST", "/v1/drivers/me/locations", {"fixes": [{**PICKUP, "at": "2000-01-01T00:00:00Z"}]}),
    ("GET", "/v1/drivers/me/offer", None),
    ("GET", "/v1/drivers/me/offer?wait=20", None),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
def test_whoever_has_not_registered_is_no_driver(town, method, path, body):
    body = {"fixes": [fix(PICKUP)]} if body and "fixes" in body else body

    assert problem(town.person("bob").open(path, method=method, json=body)) == (404, "not_a_driver")


def test_administrators_drive_nobody(town):
    root = town.yard.client("root", is_admin=True)

    assert problem(root.put("/v1/drivers/me", json=DRIVER)) == (403, "forbidden")
    for method, path, body in CALLS:
        assert problem(root.open(path, method=method, json=body)) == (403, "forbidden")
    assert problem(root.post(f"/v1/offers/{uuid4()}/accept")) == (403, "forbidden")


def test_a_fix_may_be_a_little_ahead_and_not_more(town):
    bob = town.driver("bob")

    ahead, future = push(bob, PICKUP, ago_s=-3), push(bob, PICKUP, ago_s=-30)

    assert ahead.status_code == 200
    assert problem(future) == (422, "invalid_fields")
    assert future.json["errors"] == [{"pointer": "/fixes/0/at", "detail": "must not be in the future"}]


def test_a_push_says_what_was_no_news(town):
    bob = town.driver("bob")
    fixes = [fix(PICKUP), fix(PICKUP, ago_s=30)]

    mixed = bob.post("/v1/drivers/me/locations", json={"fixes": fixes})
    again = bob.post("/v1/drivers/me/locations", json={"fixes": fixes})

    assert mixed.json == {"accepted": 1, "dropped": {"not_newer": 1}, "ride_id": None}
    assert again.json == {"accepted": 0, "dropped": {"not_newer": 2}, "ride_id": None}


def test_fixes_of_a_ride_add_up_once_they_are_believed(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    waiting = push(bob, PICKUP)
    bob.post(f"{ride}/start")
    town.world.execute("UPDATE rides SET started_at = started_at - interval '1 hour'")

    latitudes = [PICKUP["latitude"] + 0.001 * step for step in range(5)]
    north = [fix({**PICKUP, "latitude": each}, ago_s=100 - 10 * step) for step, each in enumerate(latitudes)]
    bob.post("/v1/drivers/me/locations", json={"fixes": north[:2]})
    late = bob.post("/v1/drivers/me/locations", json={"fixes": [north[4], north[3], north[2], north[0]]})
    wrong = bob.post("/v1/drivers/me/locations", json={"fixes": [fix(DESTINATION), fix(DESTINATION, accuracy_m=500)]})

    assert waiting.json["ride_id"] == ride[10:]
    assert late.json == {"accepted": 3, "dropped": {"out_of_order": 1}, "ride_id": ride[10:]}
    assert wrong.json == {"accepted": 0, "dropped": {"too_fast": 1, "inaccurate": 1}, "ride_id": ride[10:]}
    shown = ann.get(ride).json
    # The newest of those that are believed: what is not moves nobody on the passenger's map.
    assert {name: shown["location"][name] for name in PICKUP} == PICKUP
    assert shown["status"] == "in-progress"
    assert shown["distance_travelled_m"] == pytest.approx(4 * 111.2, abs=3)
    assert shown["distance_quality"] == {"gaps": 0}


def test_a_fix_that_is_not_believed_makes_no_candidate(town):
    bob = town.person("bob")
    bob.put("/v1/drivers/me", json=DRIVER)
    bob.put("/v1/drivers/me/status", json={"status": "available"})

    vague = push(bob, PICKUP, accuracy_m=51)
    before = town.candidates()
    mixed = bob.post(
        "/v1/drivers/me/locations",
        json={"fixes": [fix(ELSEWHERE, accuracy_m=5000), fix(PICKUP, ago_s=1, accuracy_m=50)]},
    )

    assert vague.json == {"accepted": 0, "dropped": {"inaccurate": 1}, "ride_id": None}
    assert mixed.json == {"accepted": 1, "dropped": {"inaccurate": 1}, "ride_id": None}
    assert (before, town.candidates()) == ([], ["bob"])


def test_who_is_unavailable_is_no_candidate_whatever_is_pushed(town):
    bob = town.driver("bob")
    before = town.candidates()

    bob.put("/v1/drivers/me/status", json={"status": "unavailable"})
    push(bob, ELSEWHERE)

    assert (before, town.candidates()) == (["bob"], [])


def test_an_offer_that_is_not_there_is_waited_for(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = town.ordered(ann)
    at_once = bob.get("/v1/drivers/me/offer")
    timer = later(0.2, town.offer, ride, "bob")

    waited = bob.get("/v1/drivers/me/offer?wait=20")
    timer.join()

    assert (at_once.status_code, at_once.data, at_once.headers["Retry-After"]) == (204, b"", "2")
    assert (waited.status_code, waited.json["ride_id"], waited.json["status"]) == (200, ride, "pending")
    assert "ann" not in waited.text
    assert bob.get("/v1/drivers/me/offer?wait=0.05").json == waited.json


def test_a_wait_for_an_offer_ends_without_one(town):
    answer = town.driver("bob").get("/v1/drivers/me/offer?wait=0.05")

    assert (answer.status_code, answer.data) == (204, b"")


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "x", "1e308", ""])
def test_a_bad_wait_is_named(town, wait):
    answer = town.driver("bob").get(f"/v1/drivers/me/offer?wait={wait}")

    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (422, "wait")


def test_when_all_places_for_waiting_are_taken_a_driver_is_answered_at_once(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine, max_waiters=1) as town:
        bob, cid = town.driver("bob"), town.driver("cid")
        tools = town.yard.app.extensions["yardmaster"]

        with tools.waiters.take():
            answer = bob.get("/v1/drivers/me/offer?wait=20")

        waited = cid.get("/v1/drivers/me/offer?wait=0.05")
        assert (answer.status_code, answer.headers["Retry-After"]) == (204, "2")
        assert (waited.status_code, "Retry-After" in waited.headers) == (204, False)


def test_an_offer_is_accepted_and_once_more_for_whoever_missed_the_answer(town):
    ann, bob = town.person("ann"), town.driver("bob")
    offer = town.offer(town.ordered(ann), "bob")

    first, second = bob.post(f"/v1/offers/{offer.id}/accept"), bob.post(f"/v1/offers/{offer.id}/accept")

    assert (first.status_code, first.json["status"], first.json["passenger_id"]) == (200, "matched", "ann")
    assert (second.status_code, second.json["version"]) == (200, first.json["version"])
    assert town.candidates() == []
    assert bob.get("/v1/drivers/me").json["ride_id"] == first.json["id"]
    assert bob.get("/v1/drivers/me/offer").status_code == 204


def test_a_declined_offer_is_over_and_its_ride_looks_on(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = town.ordered(ann)
    offer = town.offer(ride, "bob")

    declined = [bob.post(f"/v1/offers/{offer.id}/decline") for _ in range(2)]
    late = bob.post(f"/v1/offers/{offer.id}/accept")

    assert [(answer.status_code, answer.data) for answer in declined] == [(204, b"")] * 2
    assert problem(late) == (409, "offer_expired")
    assert ann.get(f"/v1/rides/{ride}").json["search_status"] == "searching"
    assert town.ride(ride).excluded_drivers == ("bob",)


def test_an_offer_can_be_too_old(town):
    ann, bob = town.person("ann"), town.driver("bob")
    offer = town.offer(town.ordered(ann), "bob")
    town.world.overdue(offer)

    assert bob.get("/v1/drivers/me/offer").status_code == 204
    assert problem(bob.post(f"/v1/offers/{offer.id}/accept")) == (409, "offer_expired")
    town.world.sweep(town.world.lease())
    assert problem(bob.post(f"/v1/offers/{offer.id}/decline")) == (409, "offer_expired")


def test_anothers_offer_is_not_found(town):
    ann, cid = town.person("ann"), town.driver("cid")
    town.driver("bob")
    offer = town.offer(town.ordered(ann), "bob")

    for caller in (cid, ann):
        for verb in ("accept", "decline"):
            assert problem(caller.post(f"/v1/offers/{offer.id}/{verb}")) == (404, "not_found")
            assert problem(caller.post(f"/v1/offers/{uuid4()}/{verb}")) == (404, "not_found")
    assert town.world.offer_status(offer) == "pending"


def test_a_ride_that_is_gone_is_not_shown_to_who_comes_too_late(town):
    ann, bob = town.person("ann"), town.driver("bob")
    offer = town.offer(town.ordered(ann), "bob")
    ann.post("/v1/rides/current/cancel")

    late = bob.post(f"/v1/offers/{offer.id}/accept")

    assert problem(late) == (409, "ride_already_taken")
    assert {"ride", "current_status"}.isdisjoint(late.json)


def test_a_driver_who_is_on_a_ride_takes_no_other_and_does_not_leave(town):
    ann, bea, bob = town.person("ann"), town.person("bea"), town.driver("bob")
    town.driver("cid")
    ride = town.matched(ann, bob, "bob")
    other = town.offer(town.ordered(bea), "cid")
    # No tick offers a ride to who is on one, so it takes a tick that began before to get here.
    town.world.execute("UPDATE offers SET driver_id = 'bob' WHERE id = %s", other.id)

    refused = [
        bob.post(f"/v1/offers/{other.id}/accept"),
        bob.put("/v1/drivers/me/status", json={"status": "unavailable"}),
        bob.put("/v1/drivers/me", json=DRIVER | {"product": "van"}),
    ]
    town.world.execute("UPDATE offers SET driver_id = 'cid' WHERE id = %s", other.id)

    assert [problem(answer) for answer in refused] == [(409, "driver_busy")] * 3
    assert {answer.json["ride"]["id"] for answer in refused} == {ride}
    assert bob.put("/v1/drivers/me", json=DRIVER | {"name": "Bob"}).json["name"] == "Bob"


def test_who_becomes_unavailable_gives_the_pending_offer_back(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = town.ordered(ann)
    offer = town.offer(ride, "bob")

    bob.put("/v1/drivers/me/status", json={"status": "unavailable"})

    assert town.world.offer_status(offer) == "withdrawn"
    assert ann.get(f"/v1/rides/{ride}").json["search_status"] == "searching"


def test_a_ride_is_driven_in_its_order_only(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"

    def tell(*steps: str) -> list[tuple[int, str]]:
        answers = [bob.post(f"{ride}/{step}") for step in steps]
        return [(each.status_code, each.json.get("code") or each.json["status"]) for each in answers]

    assert tell("finish") == [(409, "invalid_transition")]
    assert tell("arrive", "arrive", "start", "start") == [(200, "matched")] * 2 + [(200, "started")] * 2
    assert tell("cancel") == [(409, "invalid_transition")]
    assert tell("finish", "finish") == [(200, "finished")] * 2
    assert tell("cancel") == [(409, "invalid_transition")]
    assert problem(ann.post(f"{ride}/finish")) == (404, "not_found")


def test_without_redis_rides_go_on_and_only_positions_are_missing(database_url, engine):
    with streets(database_url, NOBODY, engine) as town:
        ann, bob = town.person("ann"), town.person("bob")
        bob.put("/v1/drivers/me", json=DRIVER)
        available = bob.put("/v1/drivers/me/status", json={"status": "available"})
        pushed = push(bob, PICKUP)
        ride = f"/v1/rides/{town.ordered(ann)}"
        offer = town.offer(ride[10:], "bob")
        accepted = bob.post(f"/v1/offers/{offer.id}/accept")
        blind = ann.get(ride)
        bob.post(f"{ride}/start")
        counted = push(bob, PICKUP)
        seen = ann.get(ride)
        finished = bob.post(f"{ride}/finish")
        estimate = ann.get("/v1/estimates/time?start_latitude=49.9456&start_longitude=11.5713")
        metrics = ann.get("/metrics").text

    assert (available.status_code, accepted.status_code, finished.json["status"]) == (200, 200, "finished")
    assert pushed.json == {"accepted": 0, "dropped": {"index_unavailable": 1}, "ride_id": None}
    assert (blind.json["location"], blind.json["pickup"]["eta_s"]) == (None, None)
    assert "ETag" not in blind.headers
    assert counted.json["accepted"] == 1
    assert seen.json["location"]["latitude"] == PICKUP["latitude"]
    assert problem(estimate) == (503, "positions_unavailable")
    assert 'driver_index_failures_total{call="push"} 2.0' in metrics
    assert 'http_problems_total{code="positions_unavailable"} 1.0' in metrics
    assert "ride_deadlocks_total 0.0" in metrics
