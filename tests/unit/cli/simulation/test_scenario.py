"""Whole simulations, against a city in memory and in virtual time."""

from __future__ import annotations

import pytest

from cli.simulation.agenda import Agenda
from cli.simulation.plans import CityMap
from cli.simulation.scenario import Scenario, host, leave, populate
from cli.simulation.tally import Outcome
from cli.simulation.world import World
from domain.rides.model import Place
from tests.unit.cli.simulation.fake_city import EPOCH, FakeCity
from tests.unit.cli.simulation.virtual import VirtualClock, run_virtually

SCENARIO = Scenario(
    city=CityMap("demo", Place(48.2, 16.37), 3000.0, ("standard",)),
    drivers=40,
    rides_per_min=6,
    minutes=20,
    seed=1,
    speed_up=1,
    run_id="test",
)


def simulate(*faults: str, scenario: Scenario = SCENARIO) -> tuple[World, FakeCity]:
    clock, agenda = VirtualClock(), Agenda()
    city, world = FakeCity(clock, *faults), World(clock, EPOCH, scenario.speed_up)
    populate(agenda, scenario, world, {owner: city.phone(owner) for owner in scenario.owners()})
    agenda.add(host(agenda, scenario, world, lambda: None), 0)
    run_virtually(agenda, clock)
    assert agenda.alive == 0
    return world, city


@pytest.fixture(scope="module")
def usual() -> tuple[World, FakeCity]:
    return simulate()


def test_with_drivers_enough_nearly_everybody_is_served(usual) -> None:
    world, city = usual

    tally = world.tally
    passengers = len(list(SCENARIO.passenger_plans()))
    assert tally.passengers_gone() == passengers == len(city.rides)
    assert tally.ended(Outcome.SERVED) > 0.9 * passengers
    assert tally.counts["rides driven to the end"] == tally.ended(Outcome.SERVED)
    assert world.ledger.violations == []


def test_nobody_is_left_behind_when_it_ends(usual) -> None:
    world, city = usual

    assert {ride.status for ride in city.rides.values()} <= {"finished", "cancelled"}
    assert {driver.status for driver in city.drivers.values()} == {"unavailable"}
    assert [name for name, number in world.tally.counts.items() if number and name.startswith("passengers")] == []


def test_the_same_seed_gives_the_same_simulation(usual) -> None:
    one, first_city = usual
    other, second_city = simulate()

    assert first_city.calls == second_city.calls
    assert one.tally.outcomes == other.tally.outcomes


def test_every_kind_of_thing_happens(usual) -> None:
    world, _ = usual

    counts = world.tally.counts
    happens = (
        "offers declined",
        "offers left to expire",
        "rides edited",
        "rides given back",
    )
    assert {name: counts[name] for name in happens if not counts[name]} == {}
    assert world.tally.ended(Outcome.CANCELLED) > 0


def test_without_drivers_passengers_are_lost_and_say_why() -> None:
    world, _ = simulate(scenario=Scenario(SCENARIO.city, 1, 30, 10, 1, 1, "test"))

    reasons = {reason for (outcome, reason) in world.tally.outcomes if outcome is Outcome.LOST}
    assert reasons == {"lost patience", "no drivers available"}


def test_people_who_live_faster_are_served_in_less_time(usual) -> None:
    slow, _ = usual
    quick, _ = simulate(scenario=Scenario(SCENARIO.city, 40, 6, 20, 1, 5, "test"))

    assert max(quick.tally.to_start_s) < max(slow.tally.to_start_s) / 2


def test_whoever_interrupts_ends_every_ride() -> None:
    clock, agenda = VirtualClock(), Agenda()
    city, world = FakeCity(clock), World(clock, EPOCH)
    populate(agenda, SCENARIO, world, {owner: city.phone(owner) for owner in SCENARIO.owners()})

    def interrupt():
        yield 300
        leave(agenda, world)

    agenda.add(interrupt(), 0)
    run_virtually(agenda, clock)

    assert clock.now_s < 330
    assert {ride.status for ride in city.rides.values()} == {"finished", "cancelled"}
    assert world.tally.ended(Outcome.CUT_OFF) > 0
    assert world.ledger.violations == []


@pytest.mark.parametrize(
    ("fault", "sentence"),
    [
        ("gives a ride twice", "was given to"),
        ("matches the wrong driver", "who has not accepted it"),
        ("forgets the finish", "though its finish had been answered"),
    ],
)
def test_what_the_platform_must_never_do_is_noticed(fault: str, sentence: str) -> None:
    faults = (fault, "offers to everybody") if fault == "gives a ride twice" else (fault,)

    world, _ = simulate(*faults)

    assert any(sentence in violation for violation in world.ledger.violations)


def test_a_platform_that_breaks_down_now_and_then_is_asked_again() -> None:
    world, _ = simulate("breaks down")

    assert world.ledger.violations == []
    assert world.tally.ended(Outcome.SERVED) > 0.8 * world.tally.passengers_gone()
