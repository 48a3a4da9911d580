"""Whatever is wrong in a request about rides is named, and nothing is written."""

from __future__ import annotations

import json

import pytest

from tests.integration.http_rides import (
    DRIVER,
    ELSEWHERE,
    PICKUP,
    TRIP,
    VEHICLE,
    count,
    fix,
    problem,
    streets,
)

FAR = {"latitude": 48.14, "longitude": 11.58}


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


BAD_RIDES = [
    ({}, 422, "/product"),
    ([], 422, ""),
    (TRIP | {"product": 5}, 422, "/product"),
    (TRIP | {"product": ""}, 422, "/product"),
    (TRIP | {"product": "a\0"}, 422, "/product"),
    (TRIP | {"product": "limousine"}, 404, "/product"),
    (TRIP | {"pickup": None}, 422, "/pickup"),
    (TRIP | {"pickup": [52.5, 13.4]}, 422, "/pickup"),
    (TRIP | {"pickup": {"latitude": 52.5}}, 422, "/pickup/longitude"),
    (TRIP | {"pickup": PICKUP | {"altitude": 5}}, 422, "/pickup/altitude"),
    *[
        (TRIP | {place: PICKUP | {axis: value}}, 422, f"/{place}/{axis}")
        for place in ("pickup", "destination")
        for axis in ("latitude", "longitude")
        for value in ("52.5", None, True, [1], float("nan"), float("inf"), 1e308, 10**400, 180.5, -180.5)
    ],
    (TRIP | {"pickup": PICKUP | {"latitude": 90.1}}, 422, "/pickup/latitude"),
    (TRIP | {"search": "yes"}, 422, "/search"),
    (TRIP | {"surge": 0}, 422, "/surge"),
    *[(TRIP | {"max_surge": surge}, 422, "/max_surge") for surge in (0.9, 10.1, "2", True, float("nan"))],
    (TRIP | {"destination": PICKUP}, 422, "/destination"),
    (TRIP | {"destination": PICKUP | {"latitude": PICKUP["latitude"] + 1e-5}}, 422, "/destination"),
    (TRIP | {"pickup": FAR}, 422, "/pickup"),
    (TRIP | {"destination": FAR}, 422, "/destination"),
    (TRIP | {"pickup": {"latitude": 90, "longitude": 180}}, 422, "/pickup"),
]


def test_a_bad_order_names_its_field_and_writes_nothing(town, subtests):
    ann = town.person("ann")

    for number, (body, status, pointer) in enumerate(BAD_RIDES):
        with subtests.test(pointer, number=number):
            answer = ann.post("/v1/rides", data=json.dumps(body), content_type="application/json")

            assert answer.status_code == status
            assert pointer in [error["pointer"] for error in answer.json["errors"]]
            assert all(error["detail"] for error in answer.json["errors"])
            assert (count(town.world, "rides"), count(town.world, "jobs")) == (0, 0)


@pytest.mark.parametrize(
    ("body", "refusal", "pointer"),
    [
        ({}, (422, "invalid_fields"), ""),
        ({"pickup": None, "destination": None}, (422, "invalid_fields"), ""),
        ({"product": "van"}, (422, "invalid_fields"), "/product"),
        ({"pickup": {"latitude": "1", "longitude": 2}}, (422, "invalid_fields"), "/pickup/latitude"),
        ({"destination": PICKUP}, (422, "same_pickup_dropoff"), "/destination"),
        ({"destination": FAR}, (422, "outside_service_area"), "/destination"),
        ({"pickup": FAR}, (422, "outside_service_area"), "/pickup"),
    ],
)
def test_a_bad_edit_changes_nothing(town, body, refusal, pointer):
    ann = town.person("ann")
    ride = f"/v1/rides/{town.ordered(ann)}"

    answer = ann.patch(ride, json=body)

    assert problem(answer) == refusal
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert ann.get(ride).json["version"] == 1


BAD_DRIVERS = [
    ({}, 422, "/name"),
    (DRIVER | {"name": ""}, 422, "/name"),
    (DRIVER | {"name": "x" * 101}, 422, "/name"),
    (DRIVER | {"name": "a\0b"}, 422, "/name"),
    (DRIVER | {"name": "a\nb"}, 422, "/name"),
    (DRIVER | {"name": "\ud800"}, 422, "/name"),
    (DRIVER | {"vehicle": "Volvo"}, 422, "/vehicle"),
    (DRIVER | {"vehicle": VEHICLE | {"plate": 7}}, 422, "/vehicle/plate"),
    (DRIVER | {"vehicle": {"make": "Volvo"}}, 422, "/vehicle/plate"),
    (DRIVER | {"city": "atlantis"}, 422, "/city"),
    (DRIVER | {"product": "limousine"}, 404, "/product"),
    (DRIVER | {"id": "somebody-else"}, 422, "/id"),
]


def test_a_bad_registration_names_its_field_and_writes_nothing(town, subtests):
    bob = town.person("bob")

    for number, (body, status, pointer) in enumerate(BAD_DRIVERS):
        with subtests.test(pointer, number=number):
            answer = bob.put("/v1/drivers/me", data=json.dumps(body), content_type="application/json")

            assert answer.status_code == status
            assert pointer in [error["pointer"] for error in answer.json["errors"]]
            assert count(town.world, "drivers") == 0


@pytest.mark.parametrize("body", [{}, {"status": "busy"}, {"status": True}, {"status": "available", "until": 5}])
def test_a_bad_status_is_refused(town, body):
    bob = town.driver("bob")

    assert problem(bob.put("/v1/drivers/me/status", json=body)) == (422, "invalid_fields")
    assert bob.get("/v1/drivers/me").json["status"] == "available"


AT = "2000-01-01T00:00:00"
BAD_PUSHES = [
    ({}, "/fixes"),
    ({"fixes": []}, "/fixes"),
    ({"fixes": {}}, "/fixes"),
    ({"fixes": [None]}, "/fixes/0"),
    ({"fixes": [PICKUP]}, "/fixes/0/at"),
    *[({"fixes": [{**PICKUP, "at": at}]}, "/fixes/0/at") for at in
      (5, 1.7e9, None, "", "now", AT, "2000-02-30T00:00:00Z", "2000-01-01", f"{AT}+25:00",
       "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", f"{AT}Z", "2999-01-01T00:00:00Z", f"{AT}\u0669Z")],
    *[({"fixes": [fix(PICKUP), fix(PICKUP) | {field: value}]}, f"/fixes/1/{field}")
      for field, values in {
          "latitude": ("52.5", None, True, float("nan"), float("inf"), 90.1, -90.1, 10**400),
          "longitude": ("13.4", None, True, float("nan"), float("inf"), 180.1, -180.1, 10**400),
          "accuracy_m": ("5", None, True, -1, float("nan"), float("inf"), 1e308),
          "bearing": ("north", True, -1, 361, float("nan")),
          "speed": (5,),
      }.items() for value in values],
    ({"fixes": [fix(PICKUP)] * 101}, "/fixes"),
    ({"fixes": [fix(PICKUP)] * 10_000}, "/fixes"),
]  # fmt: skip


@pytest.mark.parametrize("is_on_a_ride", [False, True])
def test_a_bad_push_names_its_field_and_moves_nobody(town, subtests, is_on_a_ride):
    bob = town.driver("bob")
    if is_on_a_ride:
        ride = f"/v1/rides/{town.matched(town.person('ann'), bob, 'bob')}"
        assert bob.post(f"{ride}/start").status_code == 200
    before = _where_he_is(town)

    for number, (body, pointer) in enumerate(BAD_PUSHES):
        with subtests.test(pointer, number=number):
            answer = bob.post("/v1/drivers/me/locations", data=json.dumps(body), content_type="application/json")

            assert answer.status_code == 422
            assert pointer in [error["pointer"] for error in answer.json["errors"]]
            assert _where_he_is(town) == before


def _where_he_is(town):
    """Return all that a push may write."""
    last = town.tools.driver_index.last_positions("demo", ["bob"])
    return last, count(town.world, "ride_fixes"), count(town.world, "ride_events")


def test_edits_and_searches_are_charged_as_orders_are(town):
    ann = town.yard.client("ann", tier="free")
    ride_id = town.ordered(ann, search=False)

    # However slow this is: the tier has no room for as many in a minute.
    edits = [ann.patch(f"/v1/rides/{ride_id}", json={"destination": ELSEWHERE}) for _ in range(6)]
    searches = [ann.post(f"/v1/rides/{ride_id}/search") for _ in range(6)]

    assert problem(edits[-1]) == problem(searches[-1]) == (429, "rate_limited")
    assert int(searches[-1].headers["Retry-After"]) > 0
    passed = [answer.status_code for answer in [*edits, *searches] if answer.status_code != 429]
    assert len(passed) < 5
    assert ann.get(f"/v1/rides/{ride_id}").json["version"] <= 1 + len(passed)


def test_an_edit_that_is_refused_is_not_charged(town):
    ann = town.yard.client("ann", tier="free")
    ride = town.ordered(town.person("bea"))

    answers = [ann.patch(f"/v1/rides/{ride}", json={"destination": ELSEWHERE}) for _ in range(6)]

    assert {problem(answer) for answer in answers} == {(404, "not_found")}
