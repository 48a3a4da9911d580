from __future__ import annotations

import pytest

from tests.integration.http_rides import DRIVER, TRIP, Streets, streets


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def test_a_city_says_where_it_is_and_what_can_be_had_there(town: Streets) -> None:
    answer = town.person("alice").get("/v1/cities")

    assert answer.status_code == 200
    demo = next(city for city in answer.json["cities"] if city["name"] == DRIVER["city"])
    assert demo["title"] == "Demo City"
    assert demo["centre"] == TRIP["pickup"]
    assert demo["radius_km"] == 30
    assert demo["currency"] == "EUR"
    assert {"name": TRIP["product"], "title": "Economy", "capacity": 4} in demo["products"]


def test_cities_come_by_name(town: Streets) -> None:
    names = [city["name"] for city in town.person("alice").get("/v1/cities").json["cities"]]

    assert len(names) > 1
    assert names == sorted(names)


def test_cities_are_shown_to_whoever_has_a_key(town: Streets) -> None:
    assert town.yard.app.test_client().get("/v1/cities").status_code == 401
