"""Rides through the application, on the real PostgreSQL and Valkey: the passenger's side, and who sees what."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest

from tests.integration.http_rides import (
    DESTINATION,
    DRIVER,
    ELSEWHERE,
    PICKUP,
    TRIP,
    count,
    problem,
    push,
    streets,
)

CALLS = (
    ("GET", ""),
    ("GET", "/events"),
    ("PATCH", ""),
    ("DELETE", ""),
    *(("POST", f"/{step}") for step in ("search", "arrive", "start", "finish", "cancel")),
)
FAR = {"latitude": 48.14, "longitude": 11.58}


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def later(seconds: float, function, *arguments) -> threading.Timer:
    timer = threading.Timer(seconds, function, arguments)
    timer.start()
    return timer


def test_a_ride_is_ordered_offered_driven_and_finished(town):
    ann, bob = town.person("ann"), town.driver("bob", ELSEWHERE)

    created = ann.post("/v1/rides", json=TRIP)
    ride = created.headers["Location"]
    town.offer(created.json["id"], "bob")
    offered = ann.get(ride).json
    offer = bob.get("/v1/drivers/me/offer").json
    accepted = bob.post(f"/v1/offers/{offer['id']}/accept")
    matched = ann.get(ride).json
    push(bob, PICKUP)
    arriving = ann.get(ride).json
    steps = [bob.post(f"{ride}/arrive"), bob.post(f"{ride}/start")]
    moved = push(bob, DESTINATION)
    riding = ann.get(ride).json
    finished = bob.post(f"{ride}/finish")

    assert (created.status_code, created.json["status"], created.json["search_status"]) == (
        201,
        "created",
        "searching",
    )
    assert (created.json["driver"], created.json["location"], created.json["passenger_id"]) == (None, None, "ann")
    assert float(created.json["price"]["low"]) < float(created.json["price"]["high"])
    assert (created.json["poll_after_s"], created.headers["Retry-After"]) == (5, "5")
    assert (offered["search_status"], offered["driver"], offered["uber_status"]) == ("offered", None, "processing")
    assert (offer["ride_id"], offer["pickup"], offer["destination"]) == (created.json["id"], PICKUP, DESTINATION)
    assert offer["price"] == created.json["price"]
    assert accepted.status_code == 200
    assert accepted.json["driver"] == {"id": "bob", "name": "Ada", "vehicle": DRIVER["vehicle"]}
    assert (matched["status"], matched["uber_status"], matched["poll_after_s"]) == ("matched", "accepted", 10)
    assert matched["location"]["latitude"] == pytest.approx(ELSEWHERE["latitude"], abs=1e-5)
    assert 0 <= matched["location"]["age_s"] < 60
    assert matched["pickup"]["eta_source"] == "haversine"
    assert matched["destination"]["eta_s"] > matched["pickup"]["eta_s"] > 60
    assert arriving["uber_status"] == "arriving"
    assert [(step.status_code, step.json["status"]) for step in steps] == [(200, "matched"), (200, "started")]
    assert steps[0].json["arrived_at"] is not None
    assert moved.json["ride_id"] == created.json["id"]
    assert (riding["status"], riding["uber_status"]) == ("in-progress", "in_progress")
    assert (riding["pickup"]["eta_s"], riding["destination"]["eta_s"] > 0) == (None, True)
    assert (finished.json["status"], finished.json["uber_status"]) == ("finished", "completed")
    assert (finished.json["poll_after_s"], finished.json["location"]) == (None, None)
    assert ann.get("/v1/rides/current").status_code == 404
    assert town.candidates() == ["bob"]


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"destination": PICKUP}, (422, "same_pickup_dropoff")),
        ({"destination": FAR}, (422, "outside_service_area")),
        ({"pickup": FAR}, (422, "outside_service_area")),
        ({"product": "limousine"}, (404, "no_product_found")),
        ({"product": None}, (422, "invalid_fields")),
    ],
)
def test_a_trip_that_is_not_driven_is_refused_by_its_code(town, changes, refusal):
    assert problem(town.person("ann").post("/v1/rides", json=TRIP | changes)) == refusal


def test_a_passenger_has_one_active_ride_which_the_refusal_of_another_shows(town):
    ann = town.person("ann")
    first = town.ordered(ann)

    refused = ann.post("/v1/rides", json=TRIP | {"product": "van"})
    ann.post("/v1/rides/current/cancel")
    again = ann.post("/v1/rides", json=TRIP)

    assert problem(refused) == (409, "current_trip_exists")
    assert (refused.json["ride"]["id"], refused.json["current_status"]) == (first, "created")
    assert again.status_code == 201


def test_fifty_requests_with_one_key_make_one_ride(town):
    key, barrier = town.yard.key("ann"), threading.Barrier(50)

    def order(_: int):
        client = town.yard.app.test_client()
        barrier.wait(30)
        headers = {"Authorization": f"Bearer {key}", "Idempotency-Key": "ride-1"}
        return client.post("/v1/rides", json=TRIP, headers=headers)

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(order, range(50)))

    assert [answer.status_code for answer in answers] == [201] * 50
    assert len({answer.json["id"] for answer in answers}) == 1
    assert sum(answer.headers.get("Idempotent-Replayed") == "true" for answer in answers) == 49
    assert count(town.world, "rides") == 1


def test_a_key_belongs_to_one_request_of_one_passenger(town):
    ann, bea, key = town.person("ann"), town.person("bea"), {"Idempotency-Key": "mine"}
    first = ann.post("/v1/rides", json=TRIP, headers=key)

    other = ann.post("/v1/rides", json=TRIP | {"product": "van"}, headers=key)
    ann.post("/v1/rides/current/cancel")
    late = ann.post("/v1/rides", json=TRIP, headers=key)

    assert problem(other) == (422, "idempotency_key_reused")
    assert (late.json["id"], late.json["status"]) == (first.json["id"], "cancelled")
    assert bea.post("/v1/rides", json=TRIP, headers=key).json["id"] != first.json["id"]
    assert problem(bea.post("/v1/rides", json=TRIP, headers={"Idempotency-Key": ""})) == (400, "malformed_header")


def test_an_order_is_charged_and_its_repetition_is_answered_all_the_same(town):
    ann, key = town.yard.client("ann", tier="free"), {"Idempotency-Key": "mine"}
    first = ann.post("/v1/rides", json=TRIP, headers=key)

    again = ann.post("/v1/rides", json=TRIP, headers=key)
    fresh = ann.post("/v1/rides", json=TRIP)
    other = ann.post("/v1/rides", json=TRIP, headers={"Idempotency-Key": "another"})

    assert (again.status_code, again.json["id"]) == (201, first.json["id"])
    assert problem(fresh) == problem(other) == (429, "rate_limited")
    assert all(ann.get(f"/v1/rides/{first.json['id']}").status_code == 200 for _ in range(3))


def test_a_ride_is_seen_by_its_passenger_its_driver_and_administrators_only(town):
    ann, bob, cid, dan = town.person("ann"), town.driver("bob"), town.driver("cid"), town.person("dan")
    ride = f"/v1/rides/{town.ordered(ann)}"
    withdrawn = town.offer(ride[10:], "cid")
    ann.patch(ride, json={"destination": ELSEWHERE})
    offer = town.offer(ride[10:], "bob")
    before = bob.get(ride).status_code
    bob.post(f"/v1/offers/{offer.id}/accept")

    root = town.yard.client("root", is_admin=True)
    for stranger in (cid, dan):
        for method, path in CALLS:
            body = {"destination": ELSEWHERE} if method == "PATCH" else None
            answer = stranger.open(f"{ride}{path}", method=method, json=body)
            assert problem(answer) == (404, "not_found")
            assert "49.9" not in answer.text
        assert stranger.get("/v1/rides/current").status_code == 404
    late = cid.post(f"/v1/offers/{withdrawn.id}/accept")
    assert problem(late) == (409, "ride_already_taken")
    assert {"ride", "current_status"}.isdisjoint(late.json)
    assert before == 404
    for friend in (ann, bob, root):
        assert friend.get(ride).json["driver"]["id"] == "bob"
    assert ann.get("/v1/rides/current").json["id"] == bob.get("/v1/rides/current").json["id"]


@pytest.mark.parametrize("ride_id", [str(uuid4()), "abc", "0", "%00", "x" * 300])
def test_a_ride_that_is_not_there_is_not_found(town, ride_id):
    ann = town.person("ann")

    for method, path in (("GET", ""), ("GET", "/events"), ("DELETE", ""), ("POST", "/search"), ("POST", "/start")):
        assert problem(ann.open(f"/v1/rides/{ride_id}{path}", method=method)) == (404, "not_found")


def test_a_ride_is_not_sent_again_until_it_or_the_car_has_moved(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.ordered(ann)}"

    def ask(etag: str):
        return ann.get(ride, headers={"If-None-Match": etag})

    searching = ann.get(ride).headers["ETag"]
    same = ask(searching)
    bob.post(f"/v1/offers/{town.offer(ride[10:], 'bob').id}/accept")
    matched = ask(searching)
    still = ask(matched.headers["ETag"])
    current = ann.get("/v1/rides/current", headers={"If-None-Match": matched.headers["ETag"]})
    push(bob, ELSEWHERE)
    moved = ask(matched.headers["ETag"])

    assert searching == f'W/"{ride[10:]}.1.0"'
    assert (same.status_code, same.data, same.headers["ETag"], same.headers["Retry-After"]) == (
        304,
        b"",
        searching,
        "5",
    )
    assert (matched.status_code, matched.json["status"]) == (200, "matched")
    assert (still.status_code, still.headers["Retry-After"], current.status_code) == (304, "10", 304)
    assert (moved.status_code, moved.json["version"]) == (200, matched.json["version"])
    assert moved.headers["ETag"].startswith(f'W/"{ride[10:]}.{matched.json["version"]}.')
    assert ask("*").status_code == 304


def test_a_change_by_another_process_is_heard_of(town):
    ann = town.person("ann")
    ride = f"/v1/rides/{town.ordered(ann)}"
    known = {"If-None-Match": ann.get(ride).headers["ETag"]}
    assert ann.get(ride, headers=known).status_code == 304

    town.driver("bob")
    town.offer(ride[10:], "bob")

    deadline = time.monotonic() + 10
    while ann.get(ride, headers=known).status_code == 304:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    assert ann.get(ride).json["search_status"] == "offered"


def test_a_stranger_learns_nothing_from_an_etag(town):
    ride = town.ordered(town.person("ann"))

    assert town.person("dan").get(f"/v1/rides/{ride}", headers={"If-None-Match": "*"}).status_code == 404


def test_nobody_is_searched_for_until_that_is_asked_for(town):
    ann = town.person("ann")
    ride = f"/v1/rides/{town.ordered(ann, search=False)}"

    idle, jobs = ann.get(ride).json, count(town.world, "jobs")
    first, second = ann.post(f"{ride}/search"), ann.post(f"{ride}/search")

    assert (idle["search_status"], jobs) == ("idle", 0)
    assert [(answer.status_code, answer.json["search_status"]) for answer in (first, second)] == [
        (202, "searching")
    ] * 2
    assert second.json["version"] == first.json["version"]
    assert town.world.value("SELECT payload ->> 'city' FROM jobs WHERE kind = 'ride_matches'") == "demo"


def test_a_search_that_found_nobody_is_said_and_can_begin_again(town):
    ann = town.person("ann")
    ride = f"/v1/rides/{town.ordered(ann)}"
    town.world.execute("UPDATE rides SET search_deadline = clock_timestamp()")
    town.world.sweep(town.world.lease())

    given_up = ann.get(ride).json
    again = ann.post(f"{ride}/search")

    assert (given_up["status"], given_up["search_status"]) == ("created", "no_drivers_available")
    assert given_up["uber_status"] == "no_drivers_available"
    assert (again.status_code, again.json["search_status"]) == (202, "searching")


def test_an_edit_quotes_anew_and_voids_the_offer_for_the_old_trip(town):
    ann, bob = town.person("ann"), town.driver("bob")
    created = ann.post("/v1/rides", json=TRIP).json
    offer = town.offer(created["id"], "bob")

    edited = ann.patch(f"/v1/rides/{created['id']}", json={"destination": ELSEWHERE}).json
    late = bob.post(f"/v1/offers/{offer.id}/accept")

    assert (edited["destination"]["latitude"], edited["pickup"]["latitude"]) == (
        ELSEWHERE["latitude"],
        PICKUP["latitude"],
    )
    assert edited["distance_m"] < created["distance_m"]
    assert edited["price"] != created["price"]
    assert (edited["search_status"], bob.get("/v1/drivers/me/offer").status_code) == ("searching", 204)
    assert problem(late) == (409, "offer_expired")
    assert "ride" not in late.json


def test_edits_at_once_leave_the_price_of_the_trip_that_is_left(town):
    ann = town.person("ann")
    ride, barrier = f"/v1/rides/{town.ordered(ann)}", threading.Barrier(2)

    def edit(body: dict[str, object]):
        barrier.wait(10)
        return ann.patch(ride, json=body).status_code

    for pickup, destination in ((ELSEWHERE, PICKUP), (DESTINATION, ELSEWHERE), (PICKUP, DESTINATION)):
        with ThreadPoolExecutor(2) as pool:
            statuses = list(pool.map(edit, [{"pickup": pickup}, {"destination": destination}]))
        left = ann.get(ride).json
        assert set(statuses) <= {200, 422}  # For a moment the two places may be the same.
        fresh = town.person(f"eve{pickup['latitude']}").post(
            "/v1/rides",
            json=TRIP | {name: {axis: left[name][axis] for axis in PICKUP} for name in ("pickup", "destination")},
        )
        assert left["distance_m"] == fresh.json["distance_m"]


def test_after_the_start_the_destination_changes_and_the_pickup_does_not(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    bob.post(f"{ride}/start")

    moved = ann.patch(ride, json={"destination": ELSEWHERE})
    refused = ann.patch(ride, json={"pickup": DESTINATION})

    assert moved.status_code == 200
    assert problem(refused) == (409, "invalid_transition")
    assert refused.json["current_status"] == refused.json["ride"]["status"] == "started"
    assert problem(bob.patch(ride, json={"destination": DESTINATION})) == (404, "not_found")


@pytest.mark.parametrize("way", ["POST /v1/rides/current/cancel", "DELETE {ride}", "POST {ride}/cancel"])
def test_a_passenger_cancels_before_the_start_twice_if_need_be_and_frees_the_driver(town, way):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    method, path = way.format(ride=ride).split()
    busy = town.candidates()

    first, second = ann.open(path, method=method), ann.open(path, method=method)

    assert (first.status_code, second.status_code) == (200, 200)
    assert (first.json["status"], first.json["cancelled_by"], first.json["uber_status"]) == (
        "cancelled",
        "passenger",
        "rider_canceled",
    )
    assert second.json["version"] == first.json["version"]
    assert (busy, town.candidates()) == ([], ["bob"])
    assert bob.get("/v1/drivers/me").json["ride_id"] is None


def test_there_may_be_nothing_to_cancel_and_a_ride_that_has_started_is_not_cancelled(town):
    ann, bob = town.person("ann"), town.driver("bob")
    nothing = ann.post("/v1/rides/current/cancel")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    bob.post(f"{ride}/start")

    refused = [ann.post("/v1/rides/current/cancel"), ann.delete(ride), bob.post(f"{ride}/cancel")]

    assert problem(nothing) == (404, "not_found")
    assert [problem(answer) for answer in refused] == [(409, "invalid_transition")] * 3
    assert {answer.json["current_status"] for answer in refused} == {"started"}


def test_a_driver_who_gives_a_ride_back_is_free_and_sees_it_no_more(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"

    given_back = bob.post(f"{ride}/cancel")
    again = bob.post(f"{ride}/cancel")

    assert (given_back.status_code, given_back.data, again.status_code) == (204, b"", 204)
    assert problem(bob.get(ride)) == (404, "not_found")
    shown = ann.get(ride).json
    assert (shown["status"], shown["search_status"], shown["driver"]) == ("created", "searching", None)
    assert shown["location"] is None
    assert town.candidates() == ["bob"]


def test_an_administrator_releases_who_is_stuck_in_a_ride(town):
    ann, bob, root = town.person("ann"), town.driver("bob"), town.yard.client("root", is_admin=True)
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    bob.post(f"{ride}/start")

    released = root.post(f"{ride}/cancel")

    assert (released.status_code, released.json["cancelled_by"]) == (200, "system")
    assert released.json["uber_status"] == "failed"
    assert town.candidates() == ["bob"]
    assert ann.post("/v1/rides", json=TRIP).status_code == 201
