from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from cli.client import ApiClient
from cli.demo_ride import GIVE_UP_S, DemoRide, Journey
from tests.unit.cli.simulation.fake_city import FakeCity
from tests.unit.cli.simulation.fake_city_server import served
from tests.unit.cli.simulation.virtual import VirtualClock


class Pauses:
    """Time that passes only where somebody pauses."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock

    def __call__(self, seconds: float) -> None:
        self._clock.now_s += seconds


@contextmanager
def riding(city: FakeCity, clock: VirtualClock) -> Iterator[DemoRide]:
    with served(city) as url, closing(ApiClient(url, "ada")) as passenger, closing(ApiClient(url, "bela")) as driver:
        yield DemoRide(passenger, driver, clock, Pauses(clock))


def drive(*faults: str) -> tuple[Journey, FakeCity, VirtualClock]:
    clock = VirtualClock()
    city = FakeCity(clock, *faults)
    with riding(city, clock) as ride:
        return ride.drive(), city, clock


def test_a_ride_is_driven_from_its_order_to_its_end() -> None:
    journey, city, clock = drive()

    assert journey.is_finished
    assert [step.status for step in journey.steps if step.status] == [
        "created", "matched", "matched", "started", "in-progress", "finished",
    ]  # fmt: skip
    assert [ride.status for ride in city.rides.values()] == ["finished"]
    assert clock.now_s < 30


def test_the_steps_are_printed_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    journey, _, _ = drive()

    journey.print()

    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["second", "who", "did", "ride"]
    assert lines[-1].split()[-1] == "finished"


def test_without_an_offer_the_ride_is_given_up_and_cancelled() -> None:
    journey, city, clock = drive("offers nothing")

    assert not journey.is_finished
    assert journey.steps[-1].did == "has offered it to nobody"
    assert [ride.status for ride in city.rides.values()] == ["cancelled"]
    assert clock.now_s >= GIVE_UP_S


def test_a_refusal_ends_the_ride_and_is_told() -> None:
    journey, city, _ = drive("gives every ride to others")

    assert not journey.is_finished
    assert "ride_already_taken" in journey.steps[-1].did or "409" in journey.steps[-1].did
    assert [ride.status for ride in city.rides.values()] == ["cancelled"]
    assert [driver.status for driver in city.drivers.values()] == ["unavailable"]
