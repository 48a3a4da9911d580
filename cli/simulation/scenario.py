"""A simulation from its first driver to its last passenger."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain

from cli.simulation import plans
from cli.simulation.agenda import Agenda, Script
from cli.simulation.drivers import OPENING_S, Driver
from cli.simulation.passengers import Passenger
from cli.simulation.phone import Phone
from cli.simulation.plans import CityMap
from cli.simulation.world import World

DRAIN_S = 900.0
"""City's time that rides under way get to end by themselves, after the last passenger has come."""
LEAVE_S = 20.0
"""Seconds in which everybody must have left then."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """Who comes, and for how long passengers do. ``run_id`` keeps the people of two runs apart."""

    city: CityMap
    drivers: int
    rides_per_min: float
    minutes: float
    seed: int
    speed_up: float
    run_id: str

    def driver_id(self, number: int) -> str:
        """Return who the API knows the driver as: the owner of the key."""
        return f"sim-{self.run_id}-driver-{number}"

    def passenger_id(self, number: int) -> str:
        """Return who the API knows the passenger as."""
        return f"sim-{self.run_id}-passenger-{number}"

    def driver_plans(self) -> list[plans.DriverPlan]:
        """Return what each driver decides."""
        return plans.drivers(self.seed, self.city, self.drivers)

    def passenger_plans(self) -> Iterator[plans.PassengerPlan]:
        """Return what each passenger decides."""
        return plans.passengers(self.seed, self.city, self.rides_per_min, self.minutes)

    def owners(self) -> list[str]:
        """Return everybody, for their keys."""
        drivers = (self.driver_id(number) for number in range(self.drivers))
        return list(chain(drivers, (self.passenger_id(plan.number) for plan in self.passenger_plans())))


def populate(agenda: Agenda, scenario: Scenario, world: World, phones: Mapping[str, Phone]) -> None:
    """Put everybody's life on the agenda."""
    for driver in scenario.driver_plans():
        driver_id = scenario.driver_id(driver.number)
        life = Driver(driver_id, driver, phones[driver_id], world).life()
        agenda.add(life, driver.first_beat * OPENING_S)
    for passenger in scenario.passenger_plans():
        phone = phones[scenario.passenger_id(passenger.number)]
        agenda.add(Passenger(passenger, phone, world).life(), OPENING_S + passenger.arrives_at_s)


def host(agenda: Agenda, scenario: Scenario, world: World, show: Callable[[], None]) -> Script:
    """See to it that the simulation ends: let the rides under way end first, then everybody leave.

    ``show`` is called every second.
    """
    passengers = sum(1 for _ in scenario.passenger_plans())
    last_comes_at_s = OPENING_S + scenario.minutes * 60
    while agenda.alive > 1:
        show()
        now_s = world.clock()
        is_served = now_s >= last_comes_at_s and world.tally.passengers_gone() == passengers
        if is_served or now_s >= last_comes_at_s + world.real_s(DRAIN_S):
            leave(agenda, world)
        if world.left_at_s is not None and now_s >= world.left_at_s + LEAVE_S:
            world.ledger.violate(f"{agenda.abandon()} people could not end what they were doing")
        yield 1.0
    show()


def leave(agenda: Agenda, world: World) -> None:
    """End what is under way; idempotent."""
    if not world.is_leaving:
        world.leave()
        agenda.hurry(world.clock())
