"""Estimates and the heat map through the application, on the real PostgreSQL and Valkey."""

from __future__ import annotations

import pytest

from domain.rides.ports import AvailableDriver
from tests.integration.http_rides import DESTINATION, DRIVER, ELSEWHERE, TRIP, problem, push, streets
from tests.routers import StandInRouter

QUERY = "start_latitude=49.9456&start_longitude=11.5713&end_latitude=49.93&end_longitude=11.61"


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def test_prices_and_times_are_estimated_for_every_product(town):
    ann = town.person("ann")
    nobody = ann.get("/v1/estimates/time?start_latitude=49.9456&start_longitude=11.5713").json["times"]
    town.driver("bob", ELSEWHERE)

    prices = ann.get(f"/v1/estimates/price?{QUERY}").json["prices"]
    [van] = ann.get(f"/v1/estimates/price?{QUERY}&product=van").json["prices"]
    times = ann.get("/v1/estimates/time?start_latitude=49.9456&start_longitude=11.5713").json["times"]

    assert [price["product_id"] for price in prices] == ["economy", "comfort", "van"]
    assert van == prices[2]
    assert prices[0]["low_estimate"] < prices[0]["high_estimate"] < van["high_estimate"]
    assert (prices[0]["currency_code"], prices[0]["distance_unit"]) == ("EUR", "metre")
    ordered = ann.post("/v1/rides", json=TRIP).json
    assert float(ordered["price"]["low"]) == prices[0]["low_estimate"]
    assert ordered["distance_m"] == prices[0]["distance"]
    assert [time["estimate"] for time in nobody] == [None] * 3
    assert times[0]["estimate"] > 60
    assert [time["estimate"] for time in times[1:]] == [None] * 2


def test_the_router_is_asked_once_for_the_times_of_all_products(town):
    town.driver("bob", ELSEWHERE)
    cid = town.person("cid")
    cid.put("/v1/drivers/me", json=DRIVER | {"product": "van"})
    cid.put("/v1/drivers/me/status", json={"status": "available"})
    push(cid, DESTINATION)
    with StandInRouter().running() as router:
        town.ask_router(router)

        answer = town.person("ann").get("/v1/estimates/time?start_latitude=49.9456&start_longitude=11.5713")
        tables = len(router.tables)

    assert [time["eta_source"] for time in answer.json["times"]] == ["osrm", None, "osrm"]
    assert answer.json["times"][0]["estimate"] != answer.json["times"][2]["estimate"]
    assert tables == 1


@pytest.mark.parametrize(
    ("path", "refusal", "parameter"),
    [
        ("time?start_latitude=49.94", (422, "invalid_fields"), "start_longitude"),
        ("time?start_latitude=nan&start_longitude=11.57", (422, "invalid_fields"), "start_latitude"),
        ("time?start_latitude=1e400&start_longitude=11.57", (422, "invalid_fields"), "start_latitude"),
        ("time?start_latitude=x&start_longitude=11.57", (422, "invalid_fields"), "start_latitude"),
        ("time?start_latitude=0&start_longitude=0", (422, "outside_service_area"), "start_latitude"),
        ("time?start_latitude=49.94&start_longitude=11.57&product=boat", (404, "no_product_found"), "product"),
        ("time?start_latitude=49.94&start_longitude=11.57&seats=4", (422, "invalid_fields"), "seats"),
        (
            "price?start_latitude=49.94&start_longitude=11.57&end_latitude=49.94&end_longitude=11.57",
            (422, "same_pickup_dropoff"),
            "end_latitude",
        ),
        (
            "price?start_latitude=49.94&start_longitude=11.57&end_latitude=0&end_longitude=0",
            (422, "outside_service_area"),
            "end_latitude",
        ),
    ],
)
def test_a_bad_estimate_names_its_parameter(town, path, refusal, parameter):
    answer = town.person("ann").get(f"/v1/estimates/{path}")

    assert problem(answer) == refusal
    assert parameter in [error["parameter"] for error in answer.json["errors"]]


def test_prices_rise_where_many_wait_for_few(town):
    town.wanted(20)

    prices = town.person("ann").get(f"/v1/estimates/price?{QUERY}").json["prices"]
    ordered = town.person("ann").post("/v1/rides", json=TRIP).json["price"]

    assert [price["surge_multiplier"] for price in prices] == [3.0, 1.0, 1.0]
    assert (ordered["surge"], float(ordered["high"])) == (3.0, prices[0]["high_estimate"])


def test_only_an_administrator_sees_where_many_wait_for_few(town):
    root = town.yard.client("root", is_admin=True)
    town.wanted(1)
    town.driver("bob", ELSEWHERE)

    cells = root.get("/v1/rides/heat-map?city=demo").json["cells"]

    assert [(cell["product_id"], cell["demand"], cell["supply"]) for cell in cells] == [
        ("economy", 1, 0),
        ("economy", 0, 1),
    ]
    assert problem(town.person("ann").get("/v1/rides/heat-map?city=demo")) == (403, "forbidden")
    assert problem(root.get("/v1/rides/heat-map?city=atlantis")) == (422, "invalid_fields")


def test_who_is_being_asked_is_no_supply_and_whoever_they_are_asked_for_still_waits(town):
    root = town.yard.client("root", is_admin=True)
    ann = town.person("ann")
    town.driver("bob", ELSEWHERE)
    town.driver("cid", ELSEWHERE)
    town.offer(town.ordered(ann), "bob")
    town.ordered(town.person("dora"), search=False)
    town.ordered(town.person("eve"), product="van")
    # Ordering has asked for prices, and what was counted then is gone by for some seconds.
    town.forget_surge()

    cells = root.get("/v1/rides/heat-map?city=demo").json["cells"]

    assert [(cell["product_id"], cell["demand"], cell["supply"]) for cell in cells] == [
        ("economy", 1, 0),
        ("economy", 0, 1),
        ("van", 1, 0),
    ]


def test_a_driver_who_is_on_a_ride_is_no_supply_though_the_index_says_so(town):
    root = town.yard.client("root", is_admin=True)
    ann, bob = town.person("ann"), town.driver("bob")
    town.matched(ann, bob, "bob")
    town.tools.driver_index.set_available("demo", AvailableDriver("bob", "economy"))
    town.forget_surge()

    assert town.candidates() == ["bob"]
    assert root.get("/v1/rides/heat-map?city=demo").json["cells"] == []
