"""A ride has a driver, and whoever drives, ordered or operates it races the others over HTTP, as for an offer."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from tests.integration import http_races as at
from tests.integration.http_races import Race, Scene, run, scene_of
from tests.integration.http_rides import streets
from tests.integration.rides_world import wanted

TAKEN, EXPIRED, UNSEEN = "409 ride_already_taken", "409 offer_expired", "404 not_found"
CANCELLED = "200 cancelled"


def refused(status: str) -> str:
    return f"409 invalid_transition {status}"


def is_not_asked_again(scene: Scene) -> None:
    ride = scene.ride
    assert ride.excluded_drivers == ("bob",)
    assert scene.world.write_offers(scene.world.lease(), [wanted(ride, "bob")]) == []


def is_free(scene: Scene) -> None:
    assert scene.bob.get("/v1/drivers/me").json["ride_id"] is None


DRIVING = (
    Race("start, cancel", at.matched, (at.start, at.cancel_current), {
        ("200 started", refused("started")): "started",
        (refused("cancelled"), CANCELLED): "cancelled",
    }),
    Race("start, start", at.matched, (at.start, at.start_again), {
        ("200 started", "200 started"): "started",
    }),
    Race("start, give back", at.matched, (at.start, at.give_back), {
        ("200 started", refused("started")): "started",
        (UNSEEN, "204"): "driver_cancelled",
    }),
    Race("start, new pickup", at.matched, (at.start, at.move_pickup), {
        ("200 started", "200 matched"): "edited started",
        ("200 started", refused("started")): "started",
    }),
    Race("start, end by an operator", at.matched, (at.start, at.end_by_operator), {
        ("200 started", CANCELLED): "started cancelled",
        (refused("cancelled"), CANCELLED): "cancelled",
    }, is_free),
    Race("arrive, start", at.matched, (at.arrive, at.start_again), {
        ("200 matched", "200 started"): "arrived started",
        (refused("started"), "200 started"): "started",
    }),
    Race("arrive, cancel", at.matched, (at.arrive, at.cancel), {
        ("200 matched", CANCELLED): "arrived cancelled",
        (refused("cancelled"), CANCELLED): "cancelled",
    }),
    Race("arrive, arrive", at.matched, (at.arrive, at.arrive_again), {
        ("200 matched", "200 matched"): "arrived",
    }),
    Race("finish, cancel", at.started, (at.finish, at.cancel), {
        ("200 finished", refused("started")): "finished",
        ("200 finished", refused("finished")): "finished",
    }),
    Race("finish, finish", at.started, (at.finish, at.finish_again), {
        ("200 finished", "200 finished"): "finished",
    }),
    Race("finish, end by an operator", at.started, (at.finish, at.end_by_operator), {
        ("200 finished", refused("finished")): "finished",
        (refused("cancelled"), CANCELLED): "cancelled",
    }, is_free),
    Race("finish, leave", at.started, (at.finish, at.leave), {
        ("200 finished", "200 unavailable"): "finished",
        ("200 finished", "409 driver_busy started"): "finished",
    }),
    Race("finish, new destination", at.started, (at.finish, at.redirect), {
        ("200 finished", "200 started"): "edited finished",
        ("200 finished", refused("finished")): "finished",
    }),
    Race("give back, cancel", at.matched, (at.give_back, at.cancel), {
        ("204", CANCELLED): "driver_cancelled cancelled",
        (refused("cancelled"), CANCELLED): "cancelled",
    }, is_free),
    Race("give back, look", at.matched, (at.give_back, at.ann_looks, at.bob_looks, at.eve_looks), {
        ("204", "200 matched", "200 matched", UNSEEN): "driver_cancelled",
        ("204", "200 matched", UNSEEN, UNSEEN): "driver_cancelled",
        ("204", "200 created", "200 matched", UNSEEN): "driver_cancelled",
        ("204", "200 created", UNSEEN, UNSEEN): "driver_cancelled",
    }),
    Race("give back, accept that is repeated", at.matched, (at.give_back, at.accept), {
        ("204", "200 matched"): "driver_cancelled",
        ("204", EXPIRED): "driver_cancelled",
    }, is_not_asked_again),
    Race("old accept, offer to the next", at.given_back, (at.accept, at.tick_writes), {
        (EXPIRED, "1"): "offered",
    }),
    Race("old accept, accept of the next", at.offered_anew, (at.accept, at.accept_next), {
        (EXPIRED, "200 matched"): "matched",
        (TAKEN, "200 matched"): "matched",
    }),
    Race("accept, look by who was asked before", at.offered_to_the_next, (at.accept, at.cid_looks), {
        ("200 matched", UNSEEN): "matched",
    }),
)  # fmt: skip


@pytest.fixture
def scene(database_url: str, redis_url: str, engine: Engine) -> Iterator[Scene]:
    with streets(database_url, redis_url, engine) as town, scene_of(town) as built:
        yield built


@pytest.mark.parametrize("race", DRIVING, ids=str)
def test_of_a_ride_one_thing_comes(scene: Scene, race: Race) -> None:
    run(scene, race)
