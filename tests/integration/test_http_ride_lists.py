"""Lists of rides, on the real PostgreSQL and Valkey."""

from __future__ import annotations

import pytest

from tests.integration.http_rides import streets


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def ids(client, query: str = "") -> list[str]:
    answer = client.get(f"/v1/rides?{query}")
    assert answer.status_code == 200, answer.text
    return [ride["id"] for ride in answer.json["rides"]]


def ended(town, passenger) -> str:
    ride_id = town.ordered(passenger)
    assert passenger.delete(f"/v1/rides/{ride_id}").status_code == 200
    return ride_id


def driven(town, passenger, driver, driver_id: str) -> str:
    ride_id = town.matched(passenger, driver, driver_id)
    for step in ("start", "finish"):
        assert driver.post(f"/v1/rides/{ride_id}/{step}").status_code == 200
    return ride_id


def test_everybody_sees_their_own_rides_as_passenger_and_as_driver_and_administrators_all(town):
    ann, cy, dan = town.person("ann"), town.person("cy"), town.driver("dan")
    operator = town.yard.client("root", is_admin=True)
    past = driven(town, ann, dan, "dan")
    cancelled = ended(town, cy)
    own = town.ordered(dan)
    under_way = town.matched(ann, dan, "dan")
    waiting = town.ordered(cy)

    assert ids(ann) == [under_way, past]
    assert ids(cy) == [waiting, cancelled]
    assert ids(dan) == [under_way, own, past]
    assert ids(town.person("eve")) == []
    assert ids(operator) == [waiting, under_way, own, cancelled, past]


def test_a_list_can_be_filtered(town):
    ann, cy, dan = town.person("ann"), town.person("cy"), town.driver("dan")
    operator = town.yard.client("root", is_admin=True)
    past = driven(town, ann, dan, "dan")
    cancelled = ended(town, cy)
    under_way = town.matched(ann, dan, "dan")
    waiting = town.ordered(cy)
    town.world.execute("UPDATE rides SET city = 'elsewhere' WHERE id = %s", past)

    assert ids(operator, "status=finished") == [past]
    assert ids(operator, "status=created") == [waiting]
    assert ids(operator, "city=demo") == [waiting, under_way, cancelled]
    assert ids(operator, "passenger=cy") == [waiting, cancelled]
    assert ids(operator, "driver=dan") == [under_way, past]
    assert ids(operator, "driver=dan&status=matched") == [under_way]
    assert ids(operator, "driver=dan&passenger=cy") == []
    assert ids(operator, "passenger=ann&city=elsewhere") == [past]
    assert ids(ann, "status=finished") == [past]
    assert ids(ann, "passenger=cy") == []
    assert ids(dan, "passenger=ann&status=matched") == [under_way]


def test_pages_show_every_ride_once_with_the_newest_first(town):
    ann = town.person("ann")
    rides = [ended(town, ann) for _ in range(4)] + [town.ordered(ann)]
    for client in (ann, town.yard.client("root", is_admin=True)):
        path, seen = "/v1/rides?limit=2&passenger=ann", []

        while path:
            page = client.get(path)
            seen.append([ride["id"] for ride in page.json["rides"]])
            path = page.json["next"]
            assert page.headers.get("Link") == (f'<{path}>; rel="next"' if path else None)

        assert seen == [[rides[4], rides[3]], [rides[2], rides[1]], [rides[0]]]


def test_a_ride_of_a_list_shows_its_driver_but_not_where_that_is(town):
    ann, dan = town.person("ann"), town.driver("dan")
    ride_id = town.matched(ann, dan, "dan")

    [listed] = ann.get("/v1/rides").json["rides"]
    alone = ann.get(f"/v1/rides/{ride_id}").json

    assert listed["driver"] == alone["driver"]
    assert listed["driver"]["id"] == "dan"
    assert (listed["location"], listed["pickup"]["eta_s"]) == (None, None)
    assert alone["location"] is not None
    assert listed.keys() == alone.keys()


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("status=lost", "status"),
        ("city=", "city"),
        ("passenger=a%00", "passenger"),
        ("driver=" + "x" * 101, "driver"),
        ("cursor=zz", "cursor"),
        ("cursor=" + "_" * 21 + "%FF", "cursor"),
        ("page=2", "page"),
    ],
)
def test_a_bad_parameter_of_a_list_is_named(town, query, parameter):
    answer = town.person("ann").get(f"/v1/rides?{query}")

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json["errors"]] == [parameter]
