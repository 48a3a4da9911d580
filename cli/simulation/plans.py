"""What drivers and passengers decide, drawn from the seed alone.

Each decision has a generator of its own, seeded by whose it is and the how-manieth it is: the third offer of driver 7
is answered the same whenever it comes and whatever happened before. The figures are guesses at how people are, made
to bring out every path of the API; nothing was measured of a city.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from cli.simulation.ground import distance_m, offset
from domain.rides.model import Place, Vehicle

HOT_SPOTS = 6
HOT_SHARE = 0.6
"""Of the places that lie about a hot spot: stations, squares."""
SPEEDS_MPS = (7.0, 10.0)
"""At ``--speed-up 5`` the fastest car drives at the 50 m/s above which the platform takes a fix for a mistake."""
TRIP_M = (800.0, 5000.0)
PATIENCE_S = (20.0, 420.0)
CARS = (("Skoda", "Octavia"), ("Toyota", "Corolla"), ("Dacia", "Logan"), ("Tesla", "Model 3"), ("VW", "ID.4"))
COLOURS = ("white", "black", "silver", "blue", "red")
NAMES = (
    "Ada",
    "Bela",
    "Chidi",
    "Dana",
    "Emre",
    "Fatou",
    "Goran",
    "Hana",
    "Inge",
    "Jun",
    "Kofi",
    "Lea",
    "Milo",
    "Noor",
)


@dataclass(frozen=True, slots=True)
class CityMap:
    """What the API tells of a city."""

    name: str
    centre: Place
    radius_m: float
    products: tuple[str, ...]


class Reply(StrEnum):
    """What a driver does with an offer."""

    ACCEPT = "accept"
    DECLINE = "decline"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class OfferAnswer:
    """A reply after ``after_s`` of thought; who ``gives_back`` drives for half the way and cancels then."""

    reply: Reply
    after_s: float
    gives_back: bool


@dataclass(frozen=True, slots=True)
class Leg:
    """What a driver without a ride does next: stand for a while, then drive to another place."""

    stand_s: float
    target: Place


@dataclass(frozen=True, slots=True)
class Edit:
    """A change of mind about the trip, ``after_s`` after the ride was created: one place is another."""

    after_s: float
    pickup: Place | None
    destination: Place | None


@dataclass(frozen=True, slots=True)
class PassengerPlan:
    """One passenger, one ride. ``regrets_after_s`` is how long after being matched the passenger cancels after all.

    But for ``arrives_at_s``, seconds are of the city's time: ``--speed-up`` of them pass in a real second.
    """

    number: int
    arrives_at_s: float
    product: str
    pickup: Place
    destination: Place
    patience_s: float
    edit: Edit | None
    regrets_after_s: float | None
    searches_again: bool


@dataclass(frozen=True, slots=True)
class DriverPlan:
    """One driver: what is fixed, and what is decided at the how-manieth occasion."""

    seed: int
    city: CityMap
    number: int
    name: str
    vehicle: Vehicle
    product: str
    start: Place
    speed_mps: float
    accuracy_m: float
    acceptance: float
    first_beat: float

    def answer(self, offer: int) -> OfferAnswer:
        """Decide about the ``offer``-th offer."""
        draw = self._stream("offer", offer)
        reply, after_s = draw.random(), draw.uniform(1.0, 6.0)
        gives_back = draw.random() < 0.02
        if reply < self.acceptance:
            return OfferAnswer(Reply.ACCEPT, after_s, gives_back)
        return OfferAnswer(Reply.DECLINE if draw.random() < 0.6 else Reply.IGNORE, after_s, gives_back=False)

    def leg(self, turn: int) -> Leg:
        """Decide where to go, and when, at the ``turn``-th time without a ride."""
        draw = self._stream("leg", turn)
        return Leg(draw.expovariate(1 / 90), place_in(self.city, self.seed, draw))

    def boarding_s(self, ride: int) -> float:
        """Say how long the passenger of the ``ride``-th ride takes to get in."""
        return self._stream("boarding", ride).uniform(5.0, 40.0)

    def _stream(self, occasion: str, number: int) -> random.Random:
        return stream(self.seed, "driver", self.number, occasion, number)


def drivers(seed: int, city: CityMap, count: int) -> list[DriverPlan]:
    """Return ``count`` drivers; a larger count has the same ones first."""
    return [_driver(seed, city, number) for number in range(count)]


def passengers(seed: int, city: CityMap, rides_per_min: float, minutes: float) -> Iterator[PassengerPlan]:
    """Yield the passengers in the order of their arrival, a Poisson process of ``rides_per_min`` (real time)."""
    gaps = stream(seed, "arrivals")
    arrives_at_s, number = gaps.expovariate(rides_per_min / 60), 0
    while arrives_at_s < minutes * 60:
        yield _passenger(seed, city, number, arrives_at_s)
        arrives_at_s += gaps.expovariate(rides_per_min / 60)
        number += 1


def place_in(city: CityMap, seed: int, draw: random.Random) -> Place:
    """Draw a place of the city: about a hot spot, or anywhere."""
    if draw.random() < HOT_SHARE:
        spot = stream(seed, "spot", draw.randrange(HOT_SPOTS))
        spread_m = city.radius_m / 12
        around = offset(_anywhere(city, spot, 0.7), draw.gauss(0, spread_m), draw.gauss(0, spread_m))
        if distance_m(city.centre, around) < city.radius_m * 0.95:
            return around
    return _anywhere(city, draw, 0.95)


def stream(*names: object) -> random.Random:
    """Return the generator of these names: the same numbers in every process, on every machine."""
    return random.Random("/".join(map(str, names)))  # noqa: S311  # Nothing is secret here; it must be repeatable.


def _driver(seed: int, city: CityMap, number: int) -> DriverPlan:
    draw = stream(seed, "driver", number)
    make, model = draw.choice(CARS)
    plate = f"YM {draw.randrange(10_000):04d}"
    return DriverPlan(
        seed=seed,
        city=city,
        number=number,
        name=draw.choice(NAMES),
        vehicle=Vehicle(make, model, plate, draw.choice(COLOURS)),
        product=draw.choice(city.products),
        start=place_in(city, seed, draw),
        speed_mps=draw.uniform(*SPEEDS_MPS),
        accuracy_m=round(draw.uniform(3.0, 20.0), 1),
        acceptance=draw.uniform(0.75, 0.98),
        first_beat=draw.random(),
    )


def _passenger(seed: int, city: CityMap, number: int, arrives_at_s: float) -> PassengerPlan:
    draw = stream(seed, "passenger", number)
    product, pickup = draw.choice(city.products), place_in(city, seed, draw)
    return PassengerPlan(
        number=number,
        arrives_at_s=arrives_at_s,
        product=product,
        pickup=pickup,
        destination=_destination(city, pickup, draw),
        patience_s=draw.uniform(*PATIENCE_S),
        edit=_edit(city, pickup, draw) if draw.random() < 0.06 else None,
        regrets_after_s=draw.uniform(2.0, 90.0) if draw.random() < 0.08 else None,
        searches_again=draw.random() < 0.5,
    )


def _edit(city: CityMap, pickup: Place, draw: random.Random) -> Edit:
    after_s = draw.uniform(5.0, 120.0)
    if draw.random() < 0.5:
        return Edit(after_s, None, _destination(city, pickup, draw))
    # Round the corner, where the driver can stop.
    return Edit(after_s, offset(pickup, draw.uniform(-150, 150), draw.uniform(-150, 150)), None)


def _destination(city: CityMap, pickup: Place, draw: random.Random) -> Place:
    """Draw a place in the city that is a trip away from ``pickup``; the centre where the dice do not find one."""
    for _ in range(20):
        length_m, angle = draw.uniform(*TRIP_M), draw.uniform(0, math.tau)
        place = offset(pickup, length_m * math.sin(angle), length_m * math.cos(angle))
        if distance_m(city.centre, place) < city.radius_m * 0.95:
            return place
    return city.centre


def _anywhere(city: CityMap, draw: random.Random, share: float) -> Place:
    # The root spreads the places evenly over the disc.
    length_m, angle = city.radius_m * share * math.sqrt(draw.random()), draw.uniform(0, math.tau)
    return offset(city.centre, length_m * math.sin(angle), length_m * math.cos(angle))
