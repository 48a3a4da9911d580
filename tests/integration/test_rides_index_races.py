"""Drivers, ticks and a healing worker race over HTTP for what the driver index says, which is only ever a hint.

It may leave out a driver for a while; it must not go on showing one who is on a ride or unavailable. As in the races
for an offer, every outcome that is listed has to come, and no other.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
import redis
from sqlalchemy import Engine

from adapters.driver_index.index import RedisDriverIndex
from domain.rides.model import Ride
from domain.rides.ports import STALE_S
from store.rides import drivers
from tests.integration import http_races as at
from tests.integration.http_races import CITY, Race, Scene, candidates, free_drivers, matcher, run, said, scene_of
from tests.integration.http_rides import PICKUP, push, streets
from tests.integration.rides_world import Together, rounds, wanted

FAR_ETA_S = 150
"""More than from one street to the next, and less than to ``ELSEWHERE``."""
TAKEN, BUSY = "409 ride_already_taken", "409 driver_busy matched"


@pytest.fixture
def scene(database_url: str, redis_url: str, engine: Engine) -> Iterator[Scene]:
    with streets(database_url, redis_url, engine) as town, scene_of(town) as built:
        yield built


def seen(scene: Scene) -> None:
    """``bob`` is free and a candidate, and nobody else."""
    scene.ride_id = ""
    scene.cid.put("/v1/drivers/me/status", json={"status": "unavailable"})
    scene.bob.put("/v1/drivers/me/status", json={"status": "available"})
    push(scene.bob, PICKUP)
    assert candidates(scene) == ["bob"]


def seen_and_wanted(scene: Scene) -> None:
    seen(scene)
    scene.stale = wanted(scene.order(), "bob")
    free_the_lease(scene)


def free_the_lease(scene: Scene) -> None:
    scene.world.execute("UPDATE ride_ticks SET lease_id = NULL, lease_until = NULL")


def seen_and_offered(scene: Scene) -> None:
    seen(scene)
    at.offered(scene)


def seen_and_matched(scene: Scene) -> None:
    seen_and_offered(scene)
    assert at.accept_again(scene) == "200 matched"


def unavailable(scene: Scene) -> None:
    seen(scene)
    at.leave(scene)
    assert candidates(scene) == []


def being_healed(begin: Callable[[Scene], None]) -> Callable[[Scene], None]:
    """Let a worker who makes the index again have read who is free, before the race."""

    def begin_healing(scene: Scene) -> None:
        begin(scene)
        mark = scene.town.yard.app.extensions["yardmaster"].driver_index.mark(CITY)
        scene.read = mark, scene.world.run(lambda session: drivers.available_drivers(session, CITY))

    return begin_healing


def push_position(scene: Scene) -> str:
    answer = push(scene.bob, PICKUP)
    return f"{answer.status_code} {answer.json['accepted']}"


def come(scene: Scene) -> str:
    return said(scene.bob_again.put("/v1/drivers/me/status", json={"status": "available"}))


def tick(scene: Scene) -> str:
    """Do a whole tick, with the candidates that the index shows."""
    outcome = matcher(scene).tick(CITY)
    scene.world.run(lambda session: [effect(session) for effect in outcome.effects])
    return str(outcome.result.get("offers", 0))


def tick_of_which_search(scene: Scene) -> str:
    """Do a whole tick, and say whether it offered the ride as it was ordered or as it is now."""
    if tick(scene) == "0":
        return "nothing"
    assert scene.stale is not None
    last = "SELECT search_id FROM offers WHERE ride_id = %s ORDER BY created_at DESC LIMIT 1"
    return "the old trip" if scene.world.value(last, scene.ride.id) == scene.stale.search_id else "the new trip"


def heal(scene: Scene) -> str:
    """Make the index again from what was read before the race, as by a worker who was slow."""
    assert scene.read is not None
    index, (mark, free) = scene.town.yard.app.extensions["yardmaster"].driver_index, scene.read
    index.rebuild(CITY, free, mark)
    return "healed"


def lose_sight(scene: Scene) -> str:
    """Look for drivers as late as that ``bob``'s position is stale by then: the index forgets where he is."""
    index = scene.town.yard.app.extensions["yardmaster"].driver_index
    later = RedisDriverIndex(index._client, clock=lambda: time.time() + STALE_S + 1)
    return f"{len(later.supply(CITY, 'economy').ids)} seen"


def flush(scene: Scene) -> str:
    index = scene.town.yard.app.extensions["yardmaster"].driver_index
    client: redis.Redis = index._client
    client.flushall()
    return "flushed"


def heal_anew(scene: Scene) -> None:
    """Heal as every minute, and let the driver tell where he is."""
    matcher(scene).heal()
    assert push_position(scene) == "200 1"


def the_ride_is_offered_once_that_is_healed(scene: Scene) -> None:
    heal_anew(scene)
    assert candidates(scene) == ["bob"]
    free_the_lease(scene)
    is_offered = scene.events() == "offered"
    assert tick(scene) == ("0" if is_offered else "1")
    assert scene.events() == "offered"


def the_ride_is_offered_as_it_is_now(scene: Scene) -> None:
    free_the_lease(scene)
    tick(scene)
    offer = scene.world.pending("bob")
    assert offer is not None
    assert offer.search_id == scene.ride.search_id
    assert offer.pickup_eta_s > FAR_ETA_S


def nobody_is_found_once_that_is_healed(scene: Scene) -> None:
    heal_anew(scene)
    assert candidates(scene) == []


def who_comes_and_goes_is_heard_of(scene: Scene) -> None:
    heal_anew(scene)
    assert candidates(scene) == ["bob"]
    at.leave(scene)
    assert candidates(scene) == []
    come(scene)
    who_is_free_is_found(scene)


def nobody_is_found(scene: Scene) -> None:
    assert candidates(scene) == []


def nobody_is_found_whatever_is_pushed(scene: Scene) -> None:
    assert candidates(scene) == []
    assert push_position(scene) == "200 1"
    assert candidates(scene) == []


def who_is_free_is_found(scene: Scene) -> None:
    assert candidates(scene) == free_drivers(scene) == ["bob"]


RACES = (
    Race("accept, lost from sight", seen_and_offered, (at.accept_again, lose_sight), {
        ("200 matched", "0 seen"): "matched",
    }, nobody_is_found_whatever_is_pushed),
    Race("accept, position", seen_and_offered, (at.accept_again, push_position), {
        ("200 matched", "200 1"): "matched",
    }, nobody_is_found_whatever_is_pushed),
    Race("accept, heal", being_healed(seen_and_offered), (at.accept_again, heal), {
        ("200 matched", "healed"): "matched",
    }, nobody_is_found),
    Race("accept, cancel", seen_and_offered, (at.accept_again, at.cancel), {
        ("200 matched", "200 cancelled"): "matched cancelled",
        (TAKEN, "200 cancelled"): "cancelled",
    }, who_is_free_is_found),
    Race("give back, cancel", seen_and_matched, (at.give_back, at.cancel), {
        ("204", "200 cancelled"): "driver_cancelled cancelled",
        ("409 invalid_transition cancelled", "200 cancelled"): "cancelled",
    }, who_is_free_is_found),
    Race("leave, position", seen, (at.leave, push_position), {
        ("200 unavailable", "200 1"): "",
    }, nobody_is_found_whatever_is_pushed),
    Race("leave, heal", being_healed(seen), (at.leave, heal), {
        ("200 unavailable", "healed"): "",
    }, nobody_is_found),
    Race("come, heal", being_healed(unavailable), (come, heal), {
        ("200 available", "healed"): "",
    }, who_is_free_is_found),
    Race("accept, flush", seen_and_offered, (at.accept_again, flush), {
        ("200 matched", "flushed"): "matched",
    }, nobody_is_found_once_that_is_healed),
    Race("heal, flush", being_healed(seen), (heal, flush), {
        ("healed", "flushed"): "",
    }, who_comes_and_goes_is_heard_of),
    Race("tick, flush", seen_and_wanted, (tick, flush), {
        ("1", "flushed"): "offered",
        ("0", "flushed"): "",
    }, the_ride_is_offered_once_that_is_healed),
    Race("tick, cancel", seen_and_wanted, (tick, at.cancel), {
        ("1", "200 cancelled"): "offered cancelled",
        ("0", "200 cancelled"): "cancelled",
    }),
    Race("tick, new pickup", seen_and_wanted, (tick_of_which_search, at.move_pickup), {
        ("the old trip", "200 created"): "offered edited",
        ("the new trip", "200 created"): "edited offered",
        ("nothing", "200 created"): "edited",
    }, the_ride_is_offered_as_it_is_now),
    Race("tick, leave", seen_and_wanted, (tick, at.leave), {
        ("1", "200 unavailable"): "offered offer_withdrawn",
        ("0", "200 unavailable"): "",
    }, nobody_is_found),
)  # fmt: skip


@pytest.mark.parametrize("race", RACES, ids=str)
def test_the_index_is_right_whoever_is_first(scene: Scene, race: Race) -> None:
    run(scene, race)


def test_of_eight_drivers_who_accept_one_ride_one_is_told_so(scene: Scene) -> None:
    # Offers are exclusive, so the index that keeps them so has to go: what is tried here is the accept alone.
    scene.world.execute("DROP INDEX offers_pending_ride_key")
    asked = [f"driver-{number}" for number in range(8)]
    clients = [scene.town.driver(driver_id) for driver_id in asked]
    won = set()

    with Together(8) as together:
        for _ in rounds(lambda: len(won) > 1):
            scene.clear()
            ride = scene.order()
            offers = [scene.insert_offer(ride, driver_id) for driver_id in asked]

            answers = together.race(
                *(
                    (client.post, f"/v1/offers/{offer_id}/accept")
                    for client, offer_id in zip(clients, offers, strict=True)
                )
            )

            assert sorted(map(said, answers)) == ["200 matched", *[TAKEN] * 7]
            assert scene.world.event_names(ride) == ["created", "matched"]
            [winner] = [driver_id for driver_id, answer in zip(asked, answers, strict=True) if said(answer)[0] == "2"]
            assert scene.ride.driver_id == winner
            won.add(winner)
            scene.world.execute(
                "UPDATE offers SET status = 'withdrawn', resolved_at = now() WHERE status = 'pending'"
            )

    assert len(won) > 1


def test_a_driver_who_accepts_two_rides_at_once_is_told_of_the_one(scene: Scene) -> None:
    # A tick offers a driver one ride at a time; without the index that says so it is up to the accept.
    scene.world.execute("DROP INDEX offers_pending_driver_key")
    won = set()

    with Together(2) as together:
        for _ in rounds(lambda: len(won) == 2):
            scene.clear()
            rides: list[Ride] = [scene.order(passenger_id) for passenger_id in ("ann", "eve")]
            offers = [scene.insert_offer(ride, "bob") for ride in rides]

            answers = together.race(
                (scene.bob.post, f"/v1/offers/{offers[0]}/accept"),
                (scene.bob_again.post, f"/v1/offers/{offers[1]}/accept"),
            )

            assert sorted(map(said, answers)) == ["200 matched", BUSY]
            first = said(answers[0]) == "200 matched"
            winner, loser = rides if first else rides[::-1]
            refusal = answers[first]
            assert refusal.json["ride"]["id"] == str(winner.id)
            assert [scene.world.event_names(ride)[1:] for ride in (winner, loser)] == [["matched"], []]
            won.add(first)
            assert scene.bob.post(f"/v1/offers/{offers[first]}/decline").status_code == 204

    assert won == {True, False}
