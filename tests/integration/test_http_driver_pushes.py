"""Which positions are believed, over HTTP: what passengers see of them, and who is asked for rides by them."""

from __future__ import annotations

import pytest

from store.prepared import Prepared
from tests.integration.http_rides import DESTINATION, DRIVER, ELSEWHERE, PICKUP, fix, push, streets

NOBODY = "redis://127.0.0.1:1"
FAR = {"latitude": -33.0, "longitude": 151.0}


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


@pytest.fixture
def statements(monkeypatch):
    """The statements that were run, by their first words."""
    run, seen = Prepared.run, []

    def note(self, session, parameters):
        seen.append(" ".join(self.sql.split()[:2]))
        return run(self, session, parameters)

    monkeypatch.setattr(Prepared, "run", note)
    return seen


def drive_off(town, passenger, driver, name) -> str:
    """Start a ride a minute ago, and return its path."""
    ride = f"/v1/rides/{town.matched(passenger, driver, name)}"
    assert driver.post(f"{ride}/start").status_code == 200
    town.world.execute("UPDATE rides SET started_at = started_at - interval '1 minute'")
    return ride


def place_of(shown) -> dict[str, float]:
    return {name: shown["location"][name] for name in ("latitude", "longitude")}


def index_of(town):
    return town.yard.app.extensions["yardmaster"].driver_index


def pushed(driver, *fixes) -> dict[str, object]:
    answer = driver.post("/v1/drivers/me/locations", json={"fixes": list(fixes)})
    assert answer.status_code == 200
    return answer.json


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [({"accuracy_m": 5000}, "inaccurate"), ({"accuracy_m": 5}, "too_fast")],
)
def test_a_position_that_the_ride_does_not_count_is_shown_to_nobody(town, wrong, reason):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = drive_off(town, ann, bob, "bob")
    assert pushed(bob, fix(PICKUP, ago_s=5))["accepted"] == 1
    before = ann.get(ride).json

    answer = pushed(bob, fix(FAR, **wrong))

    after = ann.get(ride).json
    assert answer == {"accepted": 0, "dropped": {reason: 1}, "ride_id": ride[10:]}
    assert place_of(after) == place_of(before) == PICKUP
    assert after["destination"]["eta_s"] == before["destination"]["eta_s"]
    bob.post(f"{ride}/finish")
    assert town.candidates() == ["bob"]
    assert index_of(town).last_positions("demo", ["bob"])["bob"].place.latitude == PICKUP["latitude"]


def test_a_fix_from_before_the_start_moves_the_car_back_for_nobody(town):
    ann, bob = town.person("ann"), town.person("bob")
    bob.put("/v1/drivers/me", json=DRIVER)
    bob.put("/v1/drivers/me/status", json={"status": "available"})
    ride = drive_off(town, ann, bob, "bob")

    answer = pushed(bob, fix(ELSEWHERE, ago_s=3000))

    assert answer == {"accepted": 0, "dropped": {"before_start": 1}, "ride_id": ride[10:]}
    assert ann.get(ride).json["location"] is None


@pytest.mark.parametrize("is_matched", [False, True], ids=["idle", "matched"])
def test_a_phone_that_does_not_know_where_it_is_is_not_believed_without_a_ride_either(town, is_matched):
    ann, bob = town.person("ann"), town.driver("bob")
    ride_id = town.matched(ann, bob, "bob") if is_matched else None

    answer = pushed(bob, fix(FAR, accuracy_m=50.5), fix(DESTINATION, ago_s=-1, accuracy_m=50), fix(PICKUP, ago_s=30))

    assert answer == {"accepted": 1, "dropped": {"inaccurate": 1, "not_newer": 1}, "ride_id": ride_id}
    assert index_of(town).last_positions("demo", ["bob"])["bob"].place.latitude == DESTINATION["latitude"]


def test_a_driver_whose_phone_is_slow_is_told_that_nobody_asks_for_rides_there(town):
    bob = town.driver("bob")
    cid = town.person("cid")
    cid.put("/v1/drivers/me", json=DRIVER)
    cid.put("/v1/drivers/me/status", json={"status": "available"})

    slow, mixed = pushed(cid, fix(PICKUP, ago_s=62)), pushed(bob, fix(PICKUP, ago_s=62), fix(PICKUP, ago_s=-1))

    assert slow == {"accepted": 0, "dropped": {"stale": 1}, "ride_id": None}
    assert mixed == {"accepted": 1, "dropped": {"stale": 1}, "ride_id": None}
    assert town.candidates() == ["bob"]


def test_of_a_push_by_a_clock_that_is_ahead_the_last_position_is_shown(town):
    ann, bob = town.person("ann"), town.person("bob")
    bob.put("/v1/drivers/me", json=DRIVER)
    bob.put("/v1/drivers/me/status", json={"status": "available"})
    ride_id = town.matched(ann, bob, "bob")

    answer = pushed(bob, fix(ELSEWHERE, ago_s=-2), fix(PICKUP, ago_s=-4), fix(ELSEWHERE, ago_s=-3))

    assert answer == {"accepted": 3, "dropped": {}, "ride_id": ride_id}
    assert place_of(ann.get(f"/v1/rides/{ride_id}").json) == PICKUP


def test_who_waits_for_a_car_sees_an_old_position_too(town):
    ann, bob = town.person("ann"), town.person("bob")
    bob.put("/v1/drivers/me", json=DRIVER)
    bob.put("/v1/drivers/me/status", json={"status": "available"})
    ride_id = town.matched(ann, bob, "bob")

    answer = pushed(bob, fix(PICKUP, ago_s=62))

    shown = ann.get(f"/v1/rides/{ride_id}").json
    assert answer == {"accepted": 1, "dropped": {}, "ride_id": ride_id}
    assert place_of(shown) == PICKUP
    assert shown["location"]["age_s"] == pytest.approx(62, abs=10)


def test_an_old_fix_counts_for_the_ride_that_it_is_of(town):
    ann, bob = town.person("ann"), town.driver("bob")
    ride = drive_off(town, ann, bob, "bob")
    town.world.execute("UPDATE rides SET started_at = started_at - interval '1 hour'")

    answer = pushed(bob, fix(PICKUP, ago_s=300), fix({**PICKUP, "latitude": PICKUP["latitude"] + 0.001}, ago_s=290))

    assert answer == {"accepted": 2, "dropped": {}, "ride_id": ride[10:]}
    assert ann.get(ride).json["distance_travelled_m"] == pytest.approx(111, abs=2)


def test_without_the_index_the_log_is_told_once_and_the_rest_is_counted(database_url, engine, caplog):
    with streets(database_url, NOBODY, engine) as town:
        ann, bob = town.person("ann"), town.person("bob")
        bob.put("/v1/drivers/me", json=DRIVER)
        for _ in range(5):
            push(bob, PICKUP)
        town.ordered(ann)
        metrics = ann.get("/metrics").text

    assert 'driver_index_failures_total{call="push"} 5.0' in metrics
    warnings = [record for record in caplog.records if record.levelname == "WARNING"]
    assert ["the driver index does not answer" in record.getMessage() for record in warnings] == [True]


def test_without_the_index_a_push_says_of_each_fix_why_it_is_lost(database_url, engine):
    with streets(database_url, NOBODY, engine) as town:
        bob = town.person("bob")
        bob.put("/v1/drivers/me", json=DRIVER)

        answer = pushed(bob, fix(PICKUP), fix(PICKUP, ago_s=62), fix(FAR, accuracy_m=5000))

    assert answer["dropped"] == {"index_unavailable": 1, "stale": 1, "inaccurate": 1}


def test_a_push_that_comes_when_the_ride_has_just_ended_is_of_a_free_driver(town, monkeypatch):
    from web import driver_pushes

    ann, bob = town.person("ann"), town.driver("bob")
    ride = drive_off(town, ann, bob, "bob")
    count = driver_pushes._count_into_ride

    def count_late(*arguments):
        assert ann.open(ride).status_code == 200
        assert bob.post(f"{ride}/finish").status_code == 200
        return count(*arguments)

    monkeypatch.setattr(driver_pushes, "_count_into_ride", count_late)

    answer = push(bob, PICKUP, ago_s=-1).json

    assert answer == {"accepted": 1, "dropped": {}, "ride_id": None}


def test_a_push_without_a_ride_reads_once_and_one_that_counts_writes_under_one_lock(town, statements):
    ann, bob = town.person("ann"), town.driver("bob")
    statements.clear()
    push(bob, PICKUP, ago_s=-1)
    idle = len(statements)
    drive_off(town, ann, bob, "bob")
    push(bob, PICKUP, ago_s=5)
    statements.clear()
    push(bob, PICKUP, ago_s=4)

    assert (idle, len(statements)) == (1, 3)


def test_looking_for_an_offer_is_one_read_whether_there_is_one_or_not(town, statements):
    ann, bob = town.person("ann"), town.driver("bob")
    offered = town.offer(town.ordered(ann), "bob")
    statements.clear()

    found = bob.get("/v1/drivers/me/offer")
    reads = len(statements)
    bob.post(f"/v1/offers/{offered.id}/decline")
    statements.clear()
    nothing = bob.get("/v1/drivers/me/offer")

    assert (found.status_code, reads) == (200, 1)
    assert (nothing.status_code, len(statements)) == (204, 1)
