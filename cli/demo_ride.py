"""One ride from its order to its end, as the demo shows it: one passenger, one driver, the HTTP API."""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime

from cli.client import ApiClient, RefusedError
from cli.keys import temporary_keys
from cli.output import print_table
from cli.simulation.ground import Car, offset
from cli.simulation.views import ANY_SURGE, OfferView, read_cities, read_offer, show_place
from domain.rides.model import Place

CITY = "demo"
SPEED_MPS = 40.0
"""Fast, so that the demo is short, but below the 50 m/s above which a position is taken for a mistake."""
FIX_EVERY_S = 1.0
WAIT_S = 20
GIVE_UP_S = 60.0
VEHICLE = {"make": "Toyota", "model": "Corolla", "plate": "YM 0001", "colour": "silver"}


@dataclass(frozen=True, slots=True)
class Step:
    """What somebody did, ``second`` seconds after the beginning, and the ride's status then."""

    second: float
    who: str
    did: str
    status: str | None


@dataclass(frozen=True, slots=True)
class Journey:
    """The steps of one ride, as far as it came."""

    steps: list[Step]

    @property
    def is_finished(self) -> bool:
        """Tell whether it came to its end."""
        return bool(self.steps) and self.steps[-1].status == "finished"

    def print(self) -> None:
        """Print the steps as a table."""
        rows = [(f"{step.second:.1f}", step.who, step.did, step.status) for step in self.steps]
        print_table(("second", "who", "did", "ride"), rows)


def drive_a_ride(url: str) -> Journey:
    """Take one passenger across a city of the API under ``url``; what is refused becomes the last step."""
    mark = secrets.token_hex(3)
    passenger_id, driver_id = f"demo-{mark}-passenger", f"demo-{mark}-driver"
    with temporary_keys([passenger_id, driver_id]) as keys:
        passenger, driver = ApiClient(url, keys[passenger_id]), ApiClient(url, keys[driver_id])
        with closing(passenger), closing(driver):
            return DemoRide(passenger, driver).drive()


class DemoRide:
    """Two people and a car. ``clock`` and ``pause`` are in seconds."""

    def __init__(
        self,
        passenger: ApiClient,
        driver: ApiClient,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], None] = time.sleep,
    ) -> None:
        self._passenger = passenger
        self._driver = driver
        self._clock = clock
        self._pause = pause
        self._began_s = clock()
        self._steps: list[Step] = []

    def drive(self) -> Journey:
        """Order, match, drive and finish one ride."""
        try:
            self._drive()
        except RefusedError as error:
            self._note("platform", f"refused: {error.message}", None)
        return Journey(self._steps)

    def _drive(self) -> None:
        cities = read_cities(self._passenger.get("/v1/cities"))
        city = cities.get(CITY) or next(iter(cities.values()))
        pickup = city.centre
        car = Car(offset(pickup, 120, 90), SPEED_MPS, self._clock())
        self._sign_on(city.name, city.products[0], car)
        ride_path = self._order(city.products[0], pickup, offset(pickup, -400, 150))
        try:
            offer = self._wait_for_offer()
            if offer is not None:
                self._take(offer, ride_path, car)
        finally:
            self._leave()

    def _sign_on(self, city: str, product: str, car: Car) -> None:
        profile = {"name": "Ada", "vehicle": VEHICLE, "product": product, "city": city}
        self._driver.put("/v1/drivers/me", profile)
        self._push(car)
        self._driver.put("/v1/drivers/me/status", {"status": "available"})
        self._note("driver", f"is available with a {VEHICLE['make']} {VEHICLE['model']}, product {product}", None)

    def _order(self, product: str, pickup: Place, destination: Place) -> str:
        body = {
            "product": product,
            "pickup": show_place(pickup),
            "destination": show_place(destination),
            "max_surge": ANY_SURGE,
        }
        ride = self._passenger.post("/v1/rides", body, {"Idempotency-Key": secrets.token_hex(8)})
        self._note("passenger", f"orders a ride{_price(ride)}", ride)
        return f"/v1/rides/{ride['id']}"

    def _wait_for_offer(self) -> OfferView | None:
        give_up_at_s = self._clock() + GIVE_UP_S
        while self._clock() < give_up_at_s:
            if body := self._driver.get("/v1/drivers/me/offer", {"wait": WAIT_S}):
                self._note("platform", "offers it to the driver", None)
                return read_offer(body)
            # An API whose places for waiting are all taken answers at once.
            self._pause(1.0)
        self._note("platform", "has offered it to nobody", None)
        return None

    def _take(self, offer: OfferView, ride_path: str, car: Car) -> None:
        self._note("driver", "accepts", self._driver.post(f"/v1/offers/{offer.id}/accept"))
        self._go(car, offer.pickup)
        self._note("driver", "has arrived at the pickup", self._driver.post(f"{ride_path}/arrive"))
        self._note("driver", "starts", self._driver.post(f"{ride_path}/start"))
        self._go(car, offer.destination)
        self._note("passenger", "looks where the car is", self._passenger.get(ride_path))
        ride = self._driver.post(f"{ride_path}/finish")
        self._note("driver", f"finishes after {ride.get('distance_travelled_m', '?')} m", ride)

    def _go(self, car: Car, target: Place) -> None:
        car.head_for(target, self._clock())
        self._push(car)
        while (left_s := car.left_s(self._clock())) > 0:
            self._pause(min(FIX_EVERY_S, left_s))
            self._push(car)

    def _push(self, car: Car) -> None:
        car.move(self._clock())
        fix = {**show_place(car.place), "at": datetime.now(UTC).isoformat(), "accuracy_m": 5.0}
        self._driver.post("/v1/drivers/me/locations", {"fixes": [fix]})

    def _leave(self) -> None:
        """Leave nothing behind; of a ride that came to its end, there is nothing to cancel."""
        with suppress(RefusedError):
            self._passenger.post("/v1/rides/current/cancel")
        with suppress(RefusedError):
            self._driver.put("/v1/drivers/me/status", {"status": "unavailable"})

    def _note(self, who: str, did: str, ride: dict[str, object] | None) -> None:
        status = None if ride is None else str(ride["status"])
        self._steps.append(Step(self._clock() - self._began_s, who, did, status))


def _price(ride: dict[str, object]) -> str:
    price = ride.get("price")
    return f" for {price['low']} to {price['high']} {price['currency']}" if isinstance(price, dict) else ""
