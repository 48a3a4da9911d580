"""The driver index agrees with the database, whoever of those who tell it is first or last."""

from __future__ import annotations

from collections import Counter

import pytest

from store.rides import drivers
from tests.integration.http_rides import PICKUP, push, streets
from tests.integration.rides_world import Together
from web import driver_hints

ROUNDS = 120


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def free(town) -> list[str]:
    return [driver.driver_id for driver in town.world.run(lambda session: drivers.available_drivers(session, "demo"))]


def test_an_accept_that_tells_late_what_it_read_early_does_not_hide_who_is_free_again(town, monkeypatch):
    ann, bob = town.person("ann"), town.driver("bob")
    offer = town.offer(town.ordered(ann), "bob")
    find, reads = drivers.find_with_ride, []

    def find_and_dawdle(session, driver_id):
        found = find(session, driver_id)
        reads.append(found[1] is not None)
        if len(reads) == 1:
            assert ann.post("/v1/rides/current/cancel").status_code == 200
        return found

    monkeypatch.setattr(driver_hints.drivers, "find_with_ride", find_and_dawdle)

    assert bob.post(f"/v1/offers/{offer.id}/accept").status_code == 200

    assert reads == [True, False, False]  # The accept's, the cancel's, and the accept's once more.
    assert town.candidates() == free(town) == ["bob"]


def test_after_any_race_of_accept_cancel_and_leave_the_index_agrees_with_the_database(town):
    ann, bob, bob_again = town.person("ann"), town.driver("bob"), town.person("bob")
    left: Counter[bool] = Counter()

    with Together(3) as together:
        for _ in range(ROUNDS):
            bob.put("/v1/drivers/me/status", json={"status": "available"})
            push(bob, PICKUP)
            offer = town.offer(town.ordered(ann), "bob")
            together.race(
                (bob.post, f"/v1/offers/{offer.id}/accept"),
                (ann.post, "/v1/rides/current/cancel"),
                (lambda: bob_again.put("/v1/drivers/me/status", json={"status": "unavailable"}),),
            )

            assert town.candidates() == free(town)
            left[free(town) == ["bob"]] += 1

    assert left.keys() == {True, False}
