"""What tests of the rides' HTTP API are made of: people with keys, and a tick whose offers a test writes itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from uuid import UUID

from flask.testing import FlaskClient

from adapters.eta_osrm import OsrmApi
from adapters.eta_router import Router, RouterEta
from domain.rides.cities import City
from domain.rides.eta import HaversineEta
from domain.rides.model import NewRide, Offer, Place, Ride
from store.rides import rides
from tests.apis import Api, api
from tests.integration.rides_world import QUOTE, RidesWorld
from tests.routers import StandInRouter
from web.platform import Platform
from web.surge_board import SurgeBoard

PICKUP = {"latitude": 49.9456, "longitude": 11.5713}
DESTINATION = {"latitude": 49.93, "longitude": 11.61}
ELSEWHERE = {"latitude": 49.951, "longitude": 11.535}
TRIP = {
    "product": "economy",
    "pickup": PICKUP,
    "destination": DESTINATION,
    # Where tests take longer than ten seconds, prices know of those who wait.
    "max_surge": 10,
}
VEHICLE = {"make": "Volvo", "model": "240", "plate": "B-YM 1", "colour": "red"}
DRIVER = {"name": "Ada", "vehicle": VEHICLE, "product": "economy", "city": "demo"}


class Streets:
    """An application with rides, its database, and short words for what comes before what a test is about."""

    def __init__(self, yard: Api, world: RidesWorld) -> None:
        self.yard = yard
        self.world = world

    def person(self, name: str) -> FlaskClient:
        return self.yard.client(name)

    def driver(self, name: str, place: dict[str, float] = PICKUP) -> FlaskClient:
        """A driver who is available, at a place."""
        client = self.person(name)
        assert client.put("/v1/drivers/me", json=DRIVER).status_code == 200
        assert client.put("/v1/drivers/me/status", json={"status": "available"}).status_code == 200
        assert push(client, place).json["accepted"] == 1
        return client

    def ordered(self, passenger: FlaskClient, **changes: object) -> str:
        answer = passenger.post("/v1/rides", json=TRIP | changes)
        assert answer.status_code == 201, answer.text
        return str(answer.json["id"])

    def offer(self, ride_id: str, driver_id: str) -> Offer:
        return self.world.offer(self.ride(ride_id), driver_id)

    def ride(self, ride_id: str) -> Ride:
        return find_ride(self.world, ride_id)

    def wanted(self, rides_: int) -> None:
        """Let so many passengers wait at ``PICKUP``, without any of them asking for a price."""
        for number in range(rides_):
            new_ride = NewRide(
                f"waiting-{number}",
                "demo",
                "economy",
                Place(**PICKUP),
                Place(**DESTINATION),
                QUOTE,
                is_searching=True,
            )
            self.world.run(lambda session, new_ride=new_ride: rides.create(session, new_ride))

    def matched(self, passenger: FlaskClient, driver: FlaskClient, driver_id: str) -> str:
        ride_id = self.ordered(passenger)
        offer = self.offer(ride_id, driver_id)
        assert driver.post(f"/v1/offers/{offer.id}/accept").status_code == 200
        return ride_id

    def forget_surge(self) -> None:
        """Let demand and supply be counted anew, which is done every few seconds."""
        self.know_cities(self.tools.cities)

    def know_cities(self, cities: Mapping[str, City]) -> None:
        """Let the application be one that was started with these cities only."""
        board = SurgeBoard(self.tools.sessions, self.tools.driver_index, cities)
        replace(self.tools, cities=cities, surges=board).install(self.yard.app.extensions)

    def ask_router(self, router: StandInRouter) -> None:
        """Let drives be timed by the router, which is given all the time it wants."""
        provider = RouterEta(Router(OsrmApi(router.url), budget_s=20), HaversineEta(self.tools.cities["demo"]))
        replace(self.tools, etas={"demo": provider}).install(self.yard.app.extensions)

    @property
    def tools(self) -> Platform:
        tools = self.yard.app.extensions["yardmaster"]
        assert isinstance(tools, Platform)
        return tools

    def candidates(self) -> list[str]:
        """Who may be offered a ride now, as the index has it."""
        return sorted(self.tools.driver_index.supply("demo", "economy").ids)


@contextmanager
def streets(database_url: str, redis_url: str, engine: object, **changes: object) -> Iterator[Streets]:
    """Build the application; after the test no rule about rides is broken."""
    with api(database_url, redis_url, **changes) as yard:
        built = Streets(yard, RidesWorld(engine))
        yield built
        built.world.assert_sound()


def find_ride(world: RidesWorld, ride_id: str) -> Ride:
    found = world.run(lambda session: rides.find(session, UUID(ride_id)))
    assert found is not None
    return found


def fix(place: dict[str, float], ago_s: float = 0, **more: object) -> dict[str, object]:
    return {**place, "at": (datetime.now(UTC) - timedelta(seconds=ago_s)).isoformat(), **more}


def push(driver: FlaskClient, place: dict[str, float], **more: object):
    return driver.post("/v1/drivers/me/locations", json={"fixes": [fix(place, **more)]})


def problem(answer) -> tuple[int, str]:
    assert answer.mimetype == "application/problem+json", answer.text
    return answer.status_code, answer.json["code"]


def events_in(text: str) -> list[str]:
    return [line.removeprefix("event: ") for line in text.split("\n") if line.startswith("event: ")]


def count(world: RidesWorld, table: str) -> int:
    return int(str(world.value(f"SELECT count(*) FROM {table}")))
