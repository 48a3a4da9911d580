"""What races over HTTP are made of: a ride in the state they begin in, the calls, and what may come of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from uuid import UUID

from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from domain.rides.eta import HaversineEta
from domain.rides.model import NewOffer, NewRide, Offer, OfferStatus, Place, Ride
from domain.rides.ports import AvailableDriver
from store.rides import drivers, healing, rides
from tests.integration.http_rides import DESTINATION, DRIVER, ELSEWHERE, PICKUP, TRIP, Streets, fix, push
from tests.integration.rides_world import QUOTE, Together, rounds, wanted
from workers.tasks.ride_matches import CityTools, RideMatcher

CITY = "demo"
PRODUCTS = ("economy", "comfort", "van")
DRIVERS = ("bob", "cid")
WAY_M = 4 * 111.2


class Scene:
    """People who act on one ride: ``ann`` its passenger, ``bob`` its driver, ``eve`` and ``cid`` two others."""

    def __init__(self, town: Streets) -> None:
        self.town = town
        self.world = town.world
        self.ann, self.eve = map(town.person, ("ann", "eve"))
        # One client for each thread: a driver has two telephones, and a passenger as well.
        self.ann_again, self.bob_again = town.person("ann"), town.person("bob")
        self.numbers = count(1)
        self.round = 0
        self.bob, self.cid = (town.driver(name) for name in DRIVERS)
        self.root = town.yard.client("root", is_admin=True)
        self.ride_id = self.before = ""
        self.offer: Offer | None = None
        self.next_offer: Offer | None = None
        self.stale: NewOffer | None = None
        self.lease_id: UUID | None = None
        self.read: tuple[int, list[AvailableDriver]] | None = None
        self.way: list[dict[str, object]] = []

    @property
    def path(self) -> str:
        return f"/v1/rides/{self.ride_id}"

    @property
    def ride(self) -> Ride:
        return self.town.ride(self.ride_id)

    def events(self) -> str:
        """Return the names of what happened since the race began; if it began without a ride, to the one there is."""
        ride = self.ride if self.ride_id else self.world.current("ann")
        if ride is None:
            return ""
        names = " ".join(self.world.event_names(ride))
        assert names.startswith(self.before)
        return names.removeprefix(self.before).strip()

    def order(self, passenger_id: str = "ann", *, is_searching: bool = True) -> Ride:
        """Create the ride that the race is about."""
        trip = (Place(**PICKUP), Place(**DESTINATION))
        new_ride = NewRide(passenger_id, CITY, "economy", *trip, QUOTE, is_searching)
        ride, _ = self.world.run(lambda session: rides.create(session, new_ride))
        self.ride_id = str(ride.id)
        return ride

    def insert_offer(self, ride: Ride, driver_id: str) -> UUID:
        """Write an offer that no tick would: beside another one of the same ride or driver."""
        self.world.execute(
            "INSERT INTO offers (id, ride_id, driver_id, search_id, pickup_eta_s, eta_source, expires_at)"
            " VALUES (%s, %s, %s, %s, 60, 'haversine', now() + interval '1 minute')",
            offer_id := uuid7(), ride.id, driver_id, ride.search_id,
        )  # fmt: skip
        self.world.execute("UPDATE rides SET search_status = 'offered' WHERE id = %s", ride.id)
        return offer_id

    def note(self) -> None:
        """Remember what has happened to the ride before the race."""
        self.before = " ".join(self.world.event_names(self.ride)) if self.ride_id else ""

    def clear(self) -> None:
        """End what the last round has left, so that everybody is free."""
        self.world.run(_end_rides)
        self.world.execute("UPDATE drivers SET status = 'available' WHERE status <> 'available'")
        self.round = next(self.numbers)


def _end_rides(session: Session) -> None:
    for passenger_id in ("ann", "eve"):
        if ride := rides.find_current(session, passenger_id):
            rides.cancel_by_system(session, ride.id, "the next round")


# States that races begin in.


def nothing(scene: Scene) -> None:
    scene.ride_id = ""


def idle(scene: Scene) -> None:
    scene.order(is_searching=False)


def forgotten(scene: Scene) -> None:
    """As ``idle``, for more than a day."""
    idle(scene)
    scene.world.execute("UPDATE rides SET updated_at = now() - interval '25 hours' WHERE id = %s", scene.ride.id)


def searching(scene: Scene) -> None:
    """A search is open, and a tick has decided to offer the ride to ``bob``."""
    ride = scene.order()
    scene.stale, scene.lease_id = wanted(ride, "bob"), scene.world.lease()


def given_up(scene: Scene) -> None:
    """A search has ended without a driver, and a tick that was frozen meanwhile is about to write its offer."""
    ride = scene.order()
    scene.stale, scene.lease_id = wanted(ride, "bob"), scene.world.lease()
    scene.world.execute("UPDATE rides SET search_deadline = clock_timestamp() WHERE id = %s", ride.id)
    assert scene.world.sweep(scene.lease_id).given_up == 1


def offered(scene: Scene) -> None:
    scene.offer = scene.world.offer(scene.order(), "bob")


def offered_while_another_waits(scene: Scene) -> None:
    """As ``offered``; a tick has decided to offer ``bob`` the ride of ``eve`` as well."""
    another = scene.order("eve")
    offered(scene)
    scene.stale, scene.lease_id = wanted(another, "bob"), scene.world.lease()


def offered_and_silent(scene: Scene) -> None:
    """As ``offered``; nothing was heard of ``bob`` for a day."""
    offered(scene)
    scene.world.execute("UPDATE drivers SET updated_at = now() - interval '25 hours' WHERE id = 'bob'")


def overdue(scene: Scene) -> None:
    offered(scene)
    assert scene.offer is not None
    scene.lease_id = scene.world.lease()
    scene.world.overdue(scene.offer)


def of_another_product(scene: Scene) -> None:
    """As ``offered``; last round ``bob`` may have changed to another product."""
    scene.world.register("bob", "economy", CITY)
    offered(scene)


def matched(scene: Scene) -> None:
    offered(scene)
    assert scene.offer is not None
    scene.world.accept(scene.offer)


def started(scene: Scene) -> None:
    matched(scene)
    scene.world.start(scene.ride, "bob")


def moving(scene: Scene) -> None:
    """``bob`` has driven for a while, five places of which he has not told yet."""
    started(scene)
    scene.world.execute("UPDATE rides SET started_at = started_at - interval '1 hour' WHERE id = %s", scene.ride.id)
    places = [{**PICKUP, "latitude": PICKUP["latitude"] + 0.001 * step} for step in range(5)]
    scene.way = [fix(place, ago_s=50 - 10 * step) for step, place in enumerate(places)]


def given_back(scene: Scene) -> None:
    """``bob`` has given the ride back, and a tick has decided to offer it to ``cid``."""
    matched(scene)
    ride = scene.world.give_back(scene.ride, "bob")
    scene.stale, scene.lease_id = wanted(ride, "cid"), scene.world.lease()


def offered_anew(scene: Scene) -> None:
    given_back(scene)
    scene.next_offer = scene.world.offer(scene.ride, "cid")


def offered_to_the_next(scene: Scene) -> None:
    """``cid`` was asked in vain, and now ``bob`` is."""
    ride = scene.order()
    lease_id = scene.world.lease()
    [vain] = scene.world.write_offers(lease_id, [wanted(ride, "cid")], CITY)
    scene.world.overdue(vain)
    scene.world.sweep(lease_id)
    [scene.offer] = scene.world.write_offers(lease_id, [wanted(scene.world.get(ride), "bob")], CITY)


# Calls. What each says is the status with the problem's code or else the ride's status, or the number of offers.


def said(answer) -> str:
    """Return the status, then the problem's code or the ride's (or driver's) status, then what else matters."""
    if not answer.data:
        return str(answer.status_code)
    body = answer.json
    words = [str(answer.status_code), body.get("code") or body["status"]]
    if answer.status_code >= 400 and "ride" in body:
        words.append(body["ride"]["status"])
    if "Idempotent-Replayed" in answer.headers:
        words.append("replayed")
    assert answer.status_code != 404 or "latitude" not in answer.text
    return " ".join(words)


Call = Callable[[Scene], str]


def by(person: str, method: str, path: str, body: object = None, key: str | None = None) -> Call:
    """Return a person's call; ``{ride}``, ``{offer}`` and ``{next}`` offer stand for those of the round."""

    def call(scene: Scene) -> str:
        offers = {"offer": scene.offer, "next": scene.next_offer}
        known = {name: f"/v1/offers/{offer.id}" for name, offer in offers.items() if offer}
        url = path.format(ride=scene.path, **known)
        headers = {} if key is None else {"Idempotency-Key": f"{key}-{scene.round}"}
        client: FlaskClient = getattr(scene, person)
        return said(client.open(url, method=method, json=body, headers=headers))

    return call


wait_for_offer = by("bob", "GET", "/v1/drivers/me/offer?wait=20")
accept = by("bob", "POST", "{offer}/accept")
decline = by("bob", "POST", "{offer}/decline")
arrive = by("bob", "POST", "{ride}/arrive")
start = by("bob", "POST", "{ride}/start")
finish = by("bob", "POST", "{ride}/finish")
give_back = by("bob_again", "POST", "{ride}/cancel")
leave = by("bob_again", "PUT", "/v1/drivers/me/status", {"status": "unavailable"})
change_product = by("bob_again", "PUT", "/v1/drivers/me", DRIVER | {"product": "van"})
cancel = by("ann", "POST", "{ride}/cancel")
delete = by("ann", "DELETE", "{ride}")
cancel_current = by("ann", "POST", "/v1/rides/current/cancel")
find_driver = by("ann_again", "POST", "{ride}/search")
move_pickup = by("ann_again", "PATCH", "{ride}", {"pickup": ELSEWHERE, "max_surge": 10})
redirect = by("ann_again", "PATCH", "{ride}", {"destination": ELSEWHERE, "max_surge": 10})
end_by_operator = by("root", "POST", "{ride}/cancel")
accept_again = by("bob_again", "POST", "{offer}/accept")
accept_next = by("cid", "POST", "{next}/accept")
decline_again = by("bob_again", "POST", "{offer}/decline")
arrive_again = by("bob_again", "POST", "{ride}/arrive")
start_again = by("bob_again", "POST", "{ride}/start")
finish_again = by("bob_again", "POST", "{ride}/finish")
find_driver_again = by("ann", "POST", "{ride}/search")
create = by("ann", "POST", "/v1/rides", TRIP)
create_again = by("ann_again", "POST", "/v1/rides", TRIP)
bob_looks, cid_looks, eve_looks, ann_looks = (by(name, "GET", "{ride}") for name in ("bob", "cid", "eve", "ann"))


def cancel_and_create(scene: Scene) -> str:
    return f"{cancel(scene)}, {create(scene)}"


def tell_the_way_so_far(scene: Scene) -> str:
    return _tell(scene.bob, scene.way[:3])


def tell_all_the_way(scene: Scene) -> str:
    """Tell all places, the last one first."""
    return _tell(scene.bob_again, scene.way[::-1])


def _tell(client: FlaskClient, fixes: list[dict[str, object]]) -> str:
    answer = client.post("/v1/drivers/me/locations", json={"fixes": fixes})
    return f"{answer.status_code} {answer.json['accepted']}"


def retire(scene: Scene) -> str:
    """Set ``bob`` unavailable as healing does with who is silent; return what he is then."""
    is_retired = scene.world.run(lambda session: healing.retire(session, "bob"))
    return "unavailable" if is_retired else "available"


def cancel_forgotten(scene: Scene) -> str:
    return str(len(scene.world.run(healing.cancel_forgotten)))


def tick_writes(scene: Scene) -> str:
    """Write what a tick had decided before the race, by a lease that it still has."""
    assert scene.stale is not None
    assert scene.lease_id is not None
    return str(len(scene.world.write_offers(scene.lease_id, [scene.stale])))


def tick_expires(scene: Scene) -> str:
    assert scene.lease_id is not None
    return str(scene.world.sweep(scene.lease_id).expired)


def tick_awaits_the_end(scene: Scene) -> str:
    """Expire the offer at its deadline, which is near, unless it was accepted by then."""
    assert scene.offer is not None
    lease_id, expired = scene.world.lease(), 0
    soon = "UPDATE offers SET expires_at = clock_timestamp() + interval '1 millisecond' WHERE id = %s"
    scene.world.execute(soon, scene.offer.id)
    while scene.world.offer_status(scene.offer) == OfferStatus.PENDING:
        expired += scene.world.sweep(lease_id).expired
    return str(expired)


def tick_asks_the_next(scene: Scene) -> str:
    """Let the offer's time be over, and offer the ride to ``cid``."""
    assert scene.offer is not None
    lease_id = scene.world.lease()
    scene.world.overdue(scene.offer)
    scene.world.sweep(lease_id)
    to_cid = NewOffer(scene.offer.ride_id, scene.offer.search_id, "cid", pickup_eta_s=60, eta_source="haversine")
    return str(len(scene.world.write_offers(lease_id, [to_cid])))


@dataclass(frozen=True, slots=True)
class Race:
    """Calls that are made at once, and all that may come of them: what each says, and the events it leaves.

    Every one of the ``outcomes`` has to come, as well as no other. ``check`` looks at what a round has left.
    """

    name: str
    begin: Callable[[Scene], None]
    calls: tuple[Call, ...]
    outcomes: Mapping[tuple[str, ...], str]
    check: Callable[[Scene], None] | None = None

    def __str__(self) -> str:
        return self.name


def run(scene: Scene, race: Race) -> None:
    """Race for a hundred rounds, and go on until every outcome has come."""
    seen: Counter[tuple[str, ...]] = Counter()
    with Together(len(race.calls)) as together:
        for _ in rounds(lambda: len(seen) == len(race.outcomes)):
            scene.clear()
            race.begin(scene)
            scene.note()
            results = together.race(*((call, scene) for call in race.calls))
            outcome = tuple(map(str, results))
            assert outcome in race.outcomes, outcome
            assert scene.events() == race.outcomes[outcome], outcome
            if race.check is not None:
                race.check(scene)
            seen[outcome] += 1
    assert set(seen) == set(race.outcomes), seen


@contextmanager
def scene_of(town: Streets) -> Iterator[Scene]:
    """After the block: nobody deadlocked, and an index that was healed has those as candidates who are free."""
    scene = Scene(town)
    yield scene
    tools = town.yard.app.extensions["yardmaster"]
    assert b"\nride_deadlocks_total 0.0\n" in tools.metrics.render()
    for client in (scene.bob, scene.cid):
        push(client, PICKUP)
    matcher(scene).heal()
    assert candidates(scene) == free_drivers(scene)


def matcher(scene: Scene) -> RideMatcher:
    """Return what a worker does ticks with, and makes the driver index again with every minute."""
    tools = scene.town.yard.app.extensions["yardmaster"]
    city = CityTools(tools.cities[CITY], HaversineEta(tools.cities[CITY]))
    return RideMatcher(scene.world.transactions, tools.driver_index, {CITY: city})


def free_drivers(scene: Scene) -> list[str]:
    """Return who may be offered a ride, as the database has it."""
    free = scene.world.run(lambda session: drivers.available_drivers(session, CITY))
    return sorted(driver.driver_id for driver in free)


def candidates(scene: Scene) -> list[str]:
    """Return who may be offered a ride of any product, as the index has it."""
    index = scene.town.yard.app.extensions["yardmaster"].driver_index
    return sorted(driver_id for product in PRODUCTS for driver_id in index.supply(CITY, product).ids)
