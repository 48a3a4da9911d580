"""The HTTP API of rides as the simulator needs it, in memory: greedy matching, done when a driver asks for an offer.

``faults`` name what it does wrongly, so that tests see whether the simulator notices.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cli.simulation.ground import distance_m
from cli.simulation.phone import Answer, Call
from domain.rides.model import Place

EPOCH = datetime(2026, 1, 1, tzinfo=UTC)
OFFER_S = 15
SEARCH_S = 300
ACTIVE = ("created", "matched", "started", "in-progress")
CITY = {
    "name": "demo",
    "title": "Demo",
    "centre": {"latitude": 48.2, "longitude": 16.37},
    "radius_km": 3.0,
    "currency": "EUR",
    "products": [{"name": "standard", "title": "Standard", "capacity": 4}],
}


@dataclass
class FakeDriver:
    id: str
    status: str = "unavailable"
    place: Place | None = None
    offer: dict[str, object] | None = None


@dataclass
class FakeRide:
    id: str
    passenger_id: str
    pickup: dict[str, float]
    destination: dict[str, float]
    searching_until_s: float
    status: str = "created"
    search_status: str = "searching"
    driver_id: str | None = None
    version: int = 1
    excluded: set[str] = field(default_factory=set)
    times: dict[str, str] = field(default_factory=dict)


class FakeCity:
    """Answers calls; ``clock`` is the time since ``EPOCH``."""

    def __init__(self, clock: Callable[[], float], *faults: str) -> None:
        self.clock = clock
        self.faults = faults
        self.rides: dict[str, FakeRide] = {}
        self.drivers: dict[str, FakeDriver] = {}
        self.calls: list[tuple[str, str, str]] = []
        self._offers: dict[str, dict[str, object]] = {}
        self._keys: dict[tuple[str, str], str] = {}
        self._ids = itertools.count(1)
        self._lock = threading.Lock()

    def phone(self, owner: str) -> FakePhone:
        return FakePhone(self, owner)

    def answer(self, owner: str, call: Call) -> Answer:
        with self._lock:
            self.calls.append((owner, call.method, call.path))
            if "breaks down" in self.faults and len(self.calls) % 50 == 0:
                return Answer(500)
            self._expire()
            parts = call.path.removeprefix("/v1/").partition("?")[0].split("/")
            answers = {
                "cities": self._show_cities,
                "drivers": self._answer_driver,
                "offers": self._answer_offer,
                "rides": self._answer_passenger,
            }
            return answers[parts[0]](owner, call, parts[1:])

    # Drivers

    def _show_cities(self, _owner: str, _call: Call, _rest: list[str]) -> Answer:
        return Answer(200, {"cities": [CITY]})

    def _answer_driver(self, owner: str, call: Call, rest: list[str]) -> Answer:
        if rest == ["me"]:
            self.drivers.setdefault(owner, FakeDriver(owner))
            return Answer(200, {"id": owner})
        driver = self.drivers[owner]
        return getattr(self, f"_driver_{rest[1]}")(driver, call)

    def _driver_status(self, driver: FakeDriver, call: Call) -> Answer:
        if self._ride_of(driver.id):
            return _problem(409, "driver_busy")
        driver.status = str(call.body["status"])
        return Answer(200, {"id": driver.id})

    def _driver_locations(self, driver: FakeDriver, call: Call) -> Answer:
        fix = call.body["fixes"][-1]
        driver.place = Place(fix["latitude"], fix["longitude"])
        ride = self._ride_of(driver.id)
        if ride and ride.status == "started":
            self._change(ride, status="in-progress")
        return Answer(200, {"accepted": 1, "dropped": {"stale": 0}, "ride_id": ride.id if ride else None})

    def _driver_offer(self, driver: FakeDriver, _call: Call) -> Answer:
        if driver.status == "available" and driver.offer is None and not self._ride_of(driver.id):
            self._match(driver)
        return Answer(204) if driver.offer is None else Answer(200, driver.offer)

    def _match(self, driver: FakeDriver) -> None:
        open_rides = [
            ride
            for ride in self.rides.values()
            if ride.status == "created"
            and driver.id not in ride.excluded
            and (ride.search_status == "searching" or "offers to everybody" in self.faults)
        ]
        if not open_rides or driver.place is None or "offers nothing" in self.faults:
            return
        ride = min(open_rides, key=lambda each: distance_m(driver.place, Place(**each.pickup)))
        self._change(ride, search_status="offered")
        offer_id = f"offer-{next(self._ids)}"
        driver.offer = self._offers[offer_id] = {
            "id": offer_id,
            "ride_id": ride.id,
            "pickup": ride.pickup,
            "destination": ride.destination,
            "expires_at_s": self.clock() + OFFER_S,
            "driver": driver.id,
        }

    def _expire(self) -> None:
        for driver in self.drivers.values():
            if driver.offer and driver.offer["expires_at_s"] <= self.clock():
                self._close_offer(driver)
        for ride in self.rides.values():
            if ride.search_status == "searching" and ride.searching_until_s <= self.clock():
                self._change(ride, search_status="no_drivers_available")

    def _close_offer(self, driver: FakeDriver) -> None:
        ride = self.rides[driver.offer["ride_id"]]
        ride.excluded.add(driver.id)
        driver.offer = None
        if ride.status == "created":
            self._change(ride, search_status="searching")

    def _answer_offer(self, owner: str, _call: Call, rest: list[str]) -> Answer:
        driver, offer = self.drivers[owner], self._offers[rest[0]]
        ride = self.rides[str(offer["ride_id"])]
        if rest[1] == "accept" and ride.driver_id == owner:
            return self._show(ride)
        if driver.offer is None or driver.offer["id"] != rest[0]:
            return _problem(409, "offer_expired")
        if rest[1] == "decline":
            self._close_offer(driver)
            return Answer(204)
        driver.offer = None
        is_taken = ride.status != "created" and "gives a ride twice" not in self.faults
        if is_taken or "gives every ride to others" in self.faults:
            return _problem(409, "ride_already_taken")
        self._change(ride, status="matched", search_status="matched", driver_id=owner)
        self._stamp(ride, "matched_at")
        if "matches the wrong driver" in self.faults:
            ride.driver_id = next(each for each in self.drivers if each != owner)
        return self._show(ride)

    def _ride_of(self, driver_id: str) -> FakeRide | None:
        held = (ride for ride in self.rides.values() if ride.driver_id == driver_id and ride.status in ACTIVE[1:])
        return next(held, None)

    # Rides

    def _answer_passenger(self, owner: str, call: Call, rest: list[str]) -> Answer:
        if not rest:
            return self._create(owner, call)
        if rest == ["current", "cancel"]:
            ride = next(
                (each for each in self.rides.values() if each.passenger_id == owner and each.status in ACTIVE), None
            )
            return _problem(404, "not_found") if ride is None else self._cancel(ride)
        ride = self.rides.get(rest[0])
        if ride is None or owner not in (ride.passenger_id, ride.driver_id):
            return _problem(404, "not_found")
        deed = rest[1] if len(rest) == 2 else call.method.lower()
        return getattr(self, f"_ride_{deed}")(ride, call)

    def _create(self, owner: str, call: Call) -> Answer:
        ride_id = self._keys.get((owner, call.headers["Idempotency-Key"]))
        if ride_id is None:
            ride_id = f"ride-{next(self._ids)}"
            self._keys[owner, call.headers["Idempotency-Key"]] = ride_id
            self.rides[ride_id] = FakeRide(
                ride_id, owner, call.body["pickup"], call.body["destination"], self.clock() + SEARCH_S
            )
            self._stamp(self.rides[ride_id], "created_at")
        return Answer(201, self._show(self.rides[ride_id]).body)

    def _cancel(self, ride: FakeRide) -> Answer:
        self._change(ride, status="cancelled")
        for driver in self.drivers.values():
            if driver.offer and driver.offer["ride_id"] == ride.id:
                driver.offer = None
        return self._show(ride)

    def _ride_get(self, ride: FakeRide, call: Call) -> Answer:
        etag = f'W/"{ride.version}.0"'
        if call.headers.get("If-None-Match") == etag:
            return Answer(304, {}, etag)
        return self._show(ride)

    def _ride_patch(self, ride: FakeRide, call: Call) -> Answer:
        self._change(ride, **call.body)
        for driver in self.drivers.values():
            if driver.offer and driver.offer["ride_id"] == ride.id:
                driver.offer = None
                self._change(ride, search_status="searching")
        return self._show(ride)

    def _ride_search(self, ride: FakeRide, _call: Call) -> Answer:
        ride.searching_until_s = self.clock() + SEARCH_S
        ride.excluded.clear()
        self._change(ride, search_status="searching")
        return Answer(202, self._show(ride).body)

    def _ride_arrive(self, ride: FakeRide, _call: Call) -> Answer:
        return self._go_on(ride, "matched", "matched", "arrived_at")

    def _ride_start(self, ride: FakeRide, _call: Call) -> Answer:
        return self._go_on(ride, "matched", "started", "started_at")

    def _ride_finish(self, ride: FakeRide, _call: Call) -> Answer:
        answer = self._go_on(ride, "in-progress", "finished", "finished_at")
        if "forgets the finish" in self.faults and ride.status == "finished":
            ride.status = "in-progress"
        return answer

    def _ride_cancel(self, ride: FakeRide, call: Call) -> Answer:
        if ride.status != "matched":
            return _problem(409, "invalid_transition")
        ride.excluded = {str(ride.driver_id)}
        ride.searching_until_s = self.clock() + SEARCH_S
        self._change(ride, status="created", search_status="searching", driver_id=None)
        return self._show(ride)

    def _go_on(self, ride: FakeRide, before: str, after: str, moment: str) -> Answer:
        if ride.status != before:
            return _problem(409, "invalid_transition")
        self._change(ride, status=after)
        self._stamp(ride, moment)
        return self._show(ride)

    def _change(self, ride: FakeRide, **changes: object) -> None:
        for name, value in changes.items():
            setattr(ride, name, value)
        ride.version += 1

    def _stamp(self, ride: FakeRide, moment: str) -> None:
        ride.times[moment] = (EPOCH + timedelta(seconds=self.clock())).isoformat()

    def _show(self, ride: FakeRide) -> Answer:
        moments = ("created_at", "matched_at", "arrived_at", "started_at", "finished_at")
        body: dict[str, object] = {
            "id": ride.id,
            "status": ride.status,
            "search_status": ride.search_status,
            "driver": {"id": ride.driver_id} if ride.driver_id else None,
            "pickup": dict(ride.pickup),
            "destination": dict(ride.destination),
            "version": ride.version,
            "poll_after_s": 5 if ride.status == "created" else 10,
        }
        return Answer(200, body | {moment: ride.times.get(moment) for moment in moments}, f'W/"{ride.version}.0"')


@dataclass(frozen=True)
class FakePhone:
    city: FakeCity
    owner: str

    def ask(self, call: Call) -> Answer:
        return self.city.answer(self.owner, call)


def _problem(status: int, code: str) -> Answer:
    return Answer(status, {"code": code})
