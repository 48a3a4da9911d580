"""People who order rides and drive them over HTTP, and ask again until they are answered, whatever fails."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import UTC, datetime
from uuid import uuid4

import requests

from store import api_keys
from store.api_keys import NewApiKey
from store.db import sessions
from tests.faults.platform import TIER, Platform

CITY, PRODUCT = "demo", "economy"
CENTRE = (49.9456, 11.5713)
REQUEST_TIMEOUT_S = 10.0
GIVE_UP_S = 100.0
"""How long somebody asks the same again; the platform must be back before."""

_LOOK_EVERY_S = 0.3
_OFFER_WAIT_S = 2
_DRIVER = {
    "name": "Ada",
    "vehicle": {"make": "Volvo", "model": "240", "plate": "B-YM 1", "colour": "red"},
    "product": PRODUCT,
    "city": CITY,
}


class Phone:
    """The phone of ``owner``, with a key of its own."""

    def __init__(self, platform: Platform, owner: str) -> None:
        with sessions(platform.engine)() as session:
            _, key = api_keys.create(session, NewApiKey(owner=owner, name="phone", tier=TIER))
        self._platform = platform
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {key}"

    def ask(
        self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response:
        """Ask one API process after the other until one answers, and not that something is away."""
        deadline = time.monotonic() + GIVE_UP_S
        addresses = self._platform.api.addresses
        for address in itertools.cycle(random.sample(addresses, len(addresses))):
            answer = self.ask_once(address, method, path, body, headers)
            if answer is not None and answer.status_code < 500:
                return answer
            assert time.monotonic() < deadline, f"{method} {path}: {answer and answer.text}"
            time.sleep(0.1)
        raise AssertionError("there is no API process")

    def ask_once(
        self, address: str, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> requests.Response | None:
        """Ask one API process; ``None``: it did not answer."""
        try:
            return self._session.request(
                method, address + path, json=body, headers=headers, timeout=REQUEST_TIMEOUT_S
            )
        except requests.RequestException:
            return None

    def order(self) -> str:
        """Create a ride and return its id."""
        trip = {"product": PRODUCT, "pickup": _place(), "destination": _place(0.03), "max_surge": 10}
        answer = self.ask("POST", "/v1/rides", trip, {"Idempotency-Key": str(uuid4())})
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def become_available(self) -> None:
        """Register as a driver and wait for offers."""
        assert self.ask("PUT", "/v1/drivers/me", _DRIVER).status_code == 200
        assert self.ask("PUT", "/v1/drivers/me/status", {"status": "available"}).status_code == 200

    def leave(self) -> None:
        """Wait for offers no more."""
        answer = self.ask("PUT", "/v1/drivers/me/status", {"status": "unavailable"})
        assert answer.status_code == 200, answer.text

    def push(self, north: float = 0.0) -> None:
        """Tell where the driver is now: so many degrees north of the centre."""
        fix = _place(north) | {"at": datetime.now(UTC).isoformat()}
        answer = self.ask("POST", "/v1/drivers/me/locations", {"fixes": [fix]})
        assert answer.status_code == 200, answer.text

    def offer(self) -> dict[str, str] | None:
        """Wait for an offer for some seconds."""
        answer = self.ask("GET", f"/v1/drivers/me/offer?wait={_OFFER_WAIT_S}")
        return dict(answer.json()) if answer.status_code == 200 else None


class Streets:
    """Drivers who drive whatever they are offered, and passengers who each want one ride, in threads."""

    def __init__(self, platform: Platform, drivers: int, passengers: int) -> None:
        self._platform = platform
        self._is_over = threading.Event()
        # Whoever is on a ride cannot order another one: people of their own for each test.
        name = uuid4().hex[:8]
        self._drivers = [Phone(platform, f"driver-{name}-{number}") for number in range(drivers)]
        self._passengers = [Phone(platform, f"passenger-{name}-{number}") for number in range(passengers)]
        self._pool = ThreadPoolExecutor(drivers + passengers)
        self._driving: list[Future[None]] = []
        self._riding: list[Future[str]] = []

    def open(self) -> None:
        """Let the drivers come, and when all are there the passengers."""
        for driver in self._drivers:
            driver.become_available()
            driver.push()
        self._driving = [self._pool.submit(self._drive, number) for number in range(len(self._drivers))]
        self._riding = [self._pool.submit(self._ride, passenger) for passenger in self._passengers]

    def finished(self) -> int:
        """Return how many passengers have arrived."""
        return sum(future.done() for future in self._riding)

    def arrived(self) -> list[str]:
        """Wait until every passenger has arrived, send the drivers home, and return the rides.

        Processes that ended are started again meanwhile, as a service manager would.
        """
        try:
            while self.finished() < len(self._riding):
                self._platform.revive()
                time.sleep(_LOOK_EVERY_S)
            return [future.result() for future in self._riding]
        finally:
            self._is_over.set()
            self._pool.shutdown()
            for future in self._driving:
                future.result()

    def _drive(self, number: int) -> None:
        driver = self._drivers[number]
        while not self._is_over.is_set():
            driver.push(number / 3000)
            offer = driver.offer()
            if offer is None or driver.ask("POST", f"/v1/offers/{offer['id']}/accept").status_code != 200:
                continue
            for step in ("arrive", "start", "finish"):
                answer = driver.ask("POST", f"/v1/rides/{offer['ride_id']}/{step}")
                assert answer.status_code == 200, answer.text
        driver.leave()

    def _ride(self, passenger: Phone) -> str:
        ride_id = passenger.order()
        deadline = time.monotonic() + GIVE_UP_S
        while True:
            ride = passenger.ask("GET", f"/v1/rides/{ride_id}").json()
            if ride["status"] == "finished":
                return ride_id
            assert time.monotonic() < deadline, ride
            time.sleep(_LOOK_EVERY_S)


def _place(north: float = 0.0) -> dict[str, object]:
    return {"latitude": CENTRE[0] + north, "longitude": CENTRE[1]}
