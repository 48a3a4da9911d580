"""What a ride's reader is shown beyond its row, and when that is sent again, on the real PostgreSQL and Valkey."""

from __future__ import annotations

from dataclasses import replace

import pytest
import redis

from tests.integration.http_rides import DESTINATION, ELSEWHERE, PICKUP, Streets, push, streets
from tests.routers import StandInRouter


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


@pytest.fixture
def router():
    with StandInRouter().running() as running:
        yield running


def change_tools(town: Streets, **changes: object) -> None:
    tools = town.yard.app.extensions["yardmaster"]
    replace(tools, **changes).install(town.yard.app.extensions)


def test_a_car_that_moves_after_redis_was_emptied_is_shown_where_it_is(town, redis_url):
    ann, bob = town.person("ann"), town.driver("bob", ELSEWHERE)
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    before = ann.get(ride)
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()
    push(bob, PICKUP)

    after = ann.get(ride, headers={"If-None-Match": before.headers["ETag"]})

    assert after.status_code == 200
    assert after.json["location"]["latitude"] == pytest.approx(PICKUP["latitude"], abs=1e-5)


def test_a_driver_who_has_arrived_is_arriving_even_where_no_position_is_known(town, redis_url):
    ann, bob = town.person("ann"), town.driver("bob", ELSEWHERE)
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    coming = ann.get(ride).json
    bob.post(f"{ride}/arrive")
    arrived = ann.get(ride).json
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()

    lost = ann.get(ride).json

    assert (coming["uber_status"], arrived["uber_status"], lost["uber_status"]) == (
        "accepted",
        "arriving",
        "arriving",
    )
    assert (arrived["pickup"]["eta_s"], arrived["pickup"]["eta_source"]) == (None, None)
    assert arrived["destination"]["eta_s"] > 0
    assert lost["location"] is None


def test_a_tag_of_one_ride_says_nothing_about_the_next(town):
    ann = town.person("ann")
    town.ordered(ann)
    first = ann.get("/v1/rides/current").headers["ETag"]
    ann.post("/v1/rides/current/cancel")
    second = town.ordered(ann)

    answer = ann.get("/v1/rides/current", headers={"If-None-Match": first})

    assert (answer.status_code, answer.json["id"]) == (200, second)


def test_the_current_ride_is_not_sent_again_either_and_nobody_works_out_times_for_that(town, router):
    ann, bob = town.person("ann"), town.driver("bob", ELSEWHERE)
    town.matched(ann, bob, "bob")
    known = {"If-None-Match": ann.get("/v1/rides/current").headers["ETag"]}
    town.ask_router(router)
    change_tools(town, drive_times=None)

    answer = ann.get("/v1/rides/current", headers=known)

    assert (answer.status_code, answer.data, answer.headers["Retry-After"]) == (304, b"", "10")
    assert answer.headers["ETag"] == known["If-None-Match"]
    assert router.tables == []


def test_both_times_come_from_the_router_which_is_asked_once_for_each_place_of_the_car(town, router):
    ann, bob = town.person("ann"), town.driver("bob", ELSEWHERE)
    ride = f"/v1/rides/{town.ordered(ann)}"
    offer = town.offer(ride[10:], "bob")
    town.ask_router(router)
    bob.post(f"/v1/offers/{offer.id}/accept")

    first, second = ann.get(ride).json, bob.get(ride).json
    asked_while_it_stood = list(router.tables)
    push(bob, PICKUP)
    moved = ann.get(ride).json

    assert asked_while_it_stood == [(2, 2)]
    assert len(router.tables) == 2
    assert first["pickup"] == second["pickup"]
    assert {first[place]["eta_source"] for place in ("pickup", "destination")} == {"osrm"}
    assert first["destination"]["eta_s"] > first["pickup"]["eta_s"] > moved["pickup"]["eta_s"]


def test_on_the_way_to_the_destination_its_time_is_named_with_its_source(town):
    ann, bob = town.person("ann"), town.driver("bob", ELSEWHERE)
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    bob.post(f"{ride}/start")
    push(bob, PICKUP)

    shown = ann.get(ride).json

    assert shown["status"] == "in-progress"
    assert (shown["pickup"]["eta_s"], shown["pickup"]["eta_source"]) == (None, None)
    assert (shown["destination"]["eta_s"] > 60, shown["destination"]["eta_source"]) == (True, "haversine")
    assert {name: shown["destination"][name] for name in DESTINATION} == DESTINATION


def test_a_ride_in_a_city_that_is_not_served_any_more_is_driven_to_its_end(town):
    ann, bob = town.person("ann"), town.driver("bob", ELSEWHERE)
    ride = f"/v1/rides/{town.matched(ann, bob, 'bob')}"
    change_tools(town, cities={}, etas={})

    edited = ann.patch(ride, json={"destination": ELSEWHERE})
    steps = [bob.post(f"{ride}/start"), push(bob, PICKUP), ann.get(ride), bob.post(f"{ride}/finish")]

    assert (edited.status_code, edited.json["code"]) == (422, "outside_service_area")
    assert [each.status_code for each in steps] == [200] * 4
    assert steps[1].json["accepted"] == 1
    assert steps[3].json["status"] == "finished"
