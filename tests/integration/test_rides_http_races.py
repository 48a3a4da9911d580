"""Passengers, drivers, operators and ticks race over HTTP: each is told the truth, and one thing comes of them.

Each race is run for a hundred rounds and more, on the real PostgreSQL and Valkey, and begins at a barrier; calls are
late at times, so that any can win. A race is passed if all the outcomes came that are listed, and no other: what each
call was answered, and the events that were left.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from domain.rides.model import RideStatus
from tests.integration import http_races as at
from tests.integration.http_races import Race, Scene, by, run, said, scene_of
from tests.integration.http_rides import TRIP, streets
from tests.integration.rides_world import wanted

TAKEN, EXPIRED, UNSEEN = "409 ride_already_taken", "409 offer_expired", "404 not_found"
CANCELLED = "200 cancelled"


def refused(status: str) -> str:
    return f"409 invalid_transition {status}"


def is_not_asked_again(scene: Scene) -> None:
    ride = scene.ride
    assert ride.excluded_drivers == ("bob",)
    assert scene.world.write_offers(scene.world.lease(), [wanted(ride, "bob")]) == []


def is_not_seen_by_its_etag_either(scene: Scene) -> None:
    known = scene.ann.get(scene.path).headers["ETag"]
    assert said(scene.bob.get(scene.path, headers={"If-None-Match": known})) == UNSEEN


def is_free(scene: Scene) -> None:
    assert scene.bob.get("/v1/drivers/me").json["ride_id"] is None


def has_one_ride(scene: Scene) -> None:
    assert scene.world.value("SELECT count(*) FROM rides WHERE passenger_id = 'ann' AND status = 'created'") == 1


def has_one_tick(scene: Scene) -> None:
    assert scene.world.value("SELECT count(*) FROM jobs WHERE finished_at IS NULL") == 1


def has_gone_the_way_once(scene: Scene) -> None:
    ride = scene.ride
    assert ride.distance_travelled_m == pytest.approx(at.WAY_M, abs=3)
    assert ride.last_fix is not None
    assert ride.last_fix.place.latitude == scene.way[-1]["latitude"]


def leaves_the_new_ride_alone(scene: Scene) -> None:
    second = scene.world.current("ann")
    assert second is not None
    assert (second.status, second.driver_id) == (RideStatus.CREATED, None)
    assert scene.world.event_names(second) == ["created"]


def new_ride_is_whole(scene: Scene) -> None:
    if scene.world.current("ann") is not None:
        leaves_the_new_ride_alone(scene)


OFFERS = (
    Race("accept, cancel", at.offered, (at.accept, at.cancel), {
        ("200 matched", CANCELLED): "matched cancelled",
        (TAKEN, CANCELLED): "cancelled",
    }, is_free),
    Race("accept, expiry at the deadline", at.offered, (at.accept, at.tick_awaits_the_end), {
        ("200 matched", "0"): "matched",
        (EXPIRED, "1"): "offer_expired",
    }),
    Race("accept, offer to the next", at.offered, (at.accept, at.tick_asks_the_next), {
        ("200 matched", "0"): "matched",
        (EXPIRED, "1"): "offer_expired offered",
    }),
    Race("accept, accept", at.offered, (at.accept, at.accept_again), {
        ("200 matched", "200 matched"): "matched",
    }),
    Race("accept, decline", at.offered, (at.accept, at.decline_again), {
        ("200 matched", f"{EXPIRED} matched"): "matched",
        (EXPIRED, "204"): "offer_declined",
    }),
    Race("accept, new destination", at.offered, (at.accept, at.redirect), {
        ("200 matched", "200 matched"): "matched edited",
        (EXPIRED, "200 created"): "edited",
    }),
    Race("accept, new pickup", at.offered, (at.accept, at.move_pickup), {
        ("200 matched", "200 matched"): "matched edited",
        (EXPIRED, "200 created"): "edited",
    }),
    Race("accept, leave", at.offered, (at.accept, at.leave), {
        ("200 matched", "409 driver_busy matched"): "matched",
        (EXPIRED, "200 unavailable"): "offer_withdrawn",
    }),
    Race("accept, retirement", at.offered_and_silent, (at.accept, at.retire), {
        ("200 matched", "available"): "matched",
        (EXPIRED, "unavailable"): "offer_withdrawn",
    }),
    Race("accept, another product", at.of_another_product, (at.accept, at.change_product), {
        ("200 matched", "409 driver_busy matched"): "matched",
        (EXPIRED, "200 available"): "offer_withdrawn",
    }),
    Race("accept, offer of another ride", at.offered_while_another_waits, (at.accept, at.tick_writes), {
        ("200 matched", "0"): "matched",
    }),
    Race("accept, find driver", at.offered, (at.accept, at.find_driver), {
        ("200 matched", refused("matched")): "matched",
        ("200 matched", "202 created"): "matched",
    }),
    Race("late accept, cancel and the next ride", at.offered, (at.accept, at.cancel_and_create), {
        ("200 matched", f"{CANCELLED}, 201 created"): "matched cancelled",
        (TAKEN, f"{CANCELLED}, 201 created"): "cancelled",
    }, leaves_the_new_ride_alone),
    Race("decline, expiry", at.overdue, (at.decline, at.tick_expires), {
        ("204", "0"): "offer_declined",
        (EXPIRED, "1"): "offer_expired",
    }, is_not_asked_again),
    Race("decline, decline", at.offered, (at.decline, at.decline_again), {
        ("204", "204"): "offer_declined",
    }, is_not_asked_again),
    Race("decline, cancel", at.offered, (at.decline, at.cancel_current), {
        ("204", CANCELLED): "offer_declined cancelled",
        (EXPIRED, CANCELLED): "cancelled",
    }),
    Race("decline, leave", at.offered, (at.decline, at.leave), {
        ("204", "200 unavailable"): "offer_declined",
        (EXPIRED, "200 unavailable"): "offer_withdrawn",
    }, is_not_asked_again),
    Race("wait for an offer, offer", at.searching, (at.wait_for_offer, at.tick_writes), {
        ("200 pending", "1"): "offered",
    }),
    Race("offer, leave", at.searching, (at.tick_writes, at.leave), {
        ("1", "200 unavailable"): "offered offer_withdrawn",
        ("0", "200 unavailable"): "",
    }),
    Race("offer, cancel", at.searching, (at.tick_writes, at.delete), {
        ("1", CANCELLED): "offered cancelled",
        ("0", CANCELLED): "cancelled",
    }),
    Race("offer, new pickup", at.searching, (at.tick_writes, at.move_pickup), {
        ("1", "200 created"): "offered edited",
        ("0", "200 created"): "edited",
    }),
)  # fmt: skip

PASSENGERS = (
    Race("create, create", at.nothing, (at.create, at.create_again), {
        ("201 created", "409 current_trip_exists created"): "created",
        ("409 current_trip_exists created", "201 created"): "created",
    }, has_one_ride),
    Race("create, create by another key", at.nothing, (
        by("ann", "POST", "/v1/rides", TRIP, key="one"),
        by("ann_again", "POST", "/v1/rides", TRIP, key="another"),
    ), {
        ("201 created", "409 current_trip_exists created"): "created",
        ("409 current_trip_exists created", "201 created"): "created",
    }, has_one_ride),
    Race("create, create by the same key", at.nothing, (
        by("ann", "POST", "/v1/rides", TRIP, key="one"),
        by("ann_again", "POST", "/v1/rides", TRIP, key="one"),
    ), {
        ("201 created", "201 created replayed"): "created",
        ("201 created replayed", "201 created"): "created",
    }, has_one_ride),
    Race("create, another create by the same key", at.nothing, (
        by("ann", "POST", "/v1/rides", TRIP, key="one"),
        by("ann_again", "POST", "/v1/rides", TRIP | {"search": False}, key="one"),
    ), {
        ("201 created", "422 idempotency_key_reused"): "created",
        ("422 idempotency_key_reused", "201 created"): "created",
    }, has_one_ride),
    Race("cancel, create", at.searching, (at.cancel, at.create_again), {
        (CANCELLED, "201 created"): "cancelled",
        (CANCELLED, "409 current_trip_exists created"): "cancelled",
    }, new_ride_is_whole),
    Race("cancel, cancel", at.offered, (at.cancel, by("ann_again", "POST", "/v1/rides/current/cancel")), {
        (CANCELLED, CANCELLED): "cancelled",
    }),
    Race("find driver, find driver", at.idle, (at.find_driver, at.find_driver_again), {
        ("202 created", "202 created"): "search_started",
    }, has_one_tick),
    Race("find driver, end of what is forgotten", at.forgotten, (at.find_driver, at.cancel_forgotten), {
        ("202 created", "0"): "search_started",
        (refused("cancelled"), "1"): "cancelled",
    }),
    Race("find driver, cancel, offer of the old search", at.given_up, (at.find_driver, at.cancel, at.tick_writes), {
        ("202 created", CANCELLED, "0"): "search_started cancelled",
        (refused("cancelled"), CANCELLED, "0"): "cancelled",
    }),
    Race("new destination, cancel", at.offered, (at.redirect, at.delete), {
        ("200 created", CANCELLED): "edited cancelled",
        (refused("cancelled"), CANCELLED): "cancelled",
    }),
    Race("look, withdrawal", at.offered, (at.bob_looks, at.eve_looks, at.redirect), {
        (UNSEEN, UNSEEN, "200 created"): "edited",
    }),
)  # fmt: skip


DRIVING = (
    Race("start, cancel", at.matched, (at.start, at.cancel_current), {
        ("200 started", refused("started")): "started",
        (refused("cancelled"), CANCELLED): "cancelled",
    }),
    Race("start, start", at.matched, (at.start, at.start_again), {
        ("200 started", "200 started"): "started",
    }),
    Race("positions, the same and later ones", at.moving, (at.tell_the_way_so_far, at.tell_all_the_way), {
        ("200 3", "200 2"): "in_progress",
        ("200 0", "200 5"): "in_progress",
    }, has_gone_the_way_once),
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
    Race("give back, leave", at.matched, (at.give_back, at.leave), {
        ("204", "200 unavailable"): "driver_cancelled",
        ("204", "409 driver_busy matched"): "driver_cancelled",
    }),
    Race("give back, new destination", at.matched, (at.give_back, at.redirect), {
        ("204", "200 matched"): "edited driver_cancelled",
        ("204", "200 created"): "driver_cancelled edited",
    }),
    Race("give back, look", at.matched, (at.give_back, at.ann_looks, at.bob_looks, at.eve_looks), {
        ("204", "200 matched", "200 matched", UNSEEN): "driver_cancelled",
        ("204", "200 matched", UNSEEN, UNSEEN): "driver_cancelled",
        ("204", "200 created", "200 matched", UNSEEN): "driver_cancelled",
        ("204", "200 created", UNSEEN, UNSEEN): "driver_cancelled",
    }, is_not_seen_by_its_etag_either),
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


@pytest.mark.parametrize("race", OFFERS, ids=str)
def test_of_an_offer_one_thing_comes(scene: Scene, race: Race) -> None:
    run(scene, race)


@pytest.mark.parametrize("race", PASSENGERS, ids=str)
def test_of_what_a_passenger_does_one_thing_comes(scene: Scene, race: Race) -> None:
    run(scene, race)


@pytest.mark.parametrize("race", DRIVING, ids=str)
def test_of_a_ride_that_has_a_driver_one_thing_comes(scene: Scene, race: Race) -> None:
    run(scene, race)
