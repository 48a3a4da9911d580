from __future__ import annotations

import itertools
import statistics
import subprocess
import sys

from cli.simulation import plans
from cli.simulation.ground import distance_m
from cli.simulation.plans import CityMap, Reply
from config.settings import REPOSITORY
from domain.rides.model import Place

CITY = CityMap("demo", Place(48.2, 16.37), 8000.0, ("standard", "large"))


def passengers(seed: int, rides_per_min: float = 60, minutes: float = 5) -> list[plans.PassengerPlan]:
    return list(plans.passengers(seed, CITY, rides_per_min, minutes))


def test_the_same_seed_gives_the_same_people() -> None:
    assert passengers(1) == passengers(1)
    assert plans.drivers(1, CITY, 50) == plans.drivers(1, CITY, 50)


def test_another_seed_gives_others() -> None:
    assert passengers(1) != passengers(2)
    assert plans.drivers(1, CITY, 5) != plans.drivers(2, CITY, 5)


def test_decisions_do_not_depend_on_what_was_asked_before() -> None:
    one, other = plans.drivers(1, CITY, 8)[7], plans.drivers(1, CITY, 8)[7]

    for offer in range(5):
        one.answer(offer)
    for turn in range(9):
        one.leg(turn)

    assert one.answer(2) == other.answer(2)
    assert one.leg(3) == other.leg(3)
    assert one.boarding_s(1) == other.boarding_s(1)


def test_another_process_decides_the_same() -> None:
    # Hashes of strings differ from process to process; the streams must not hang on them.
    program = (
        "from tests.unit.cli.simulation.test_plans import CITY; from cli.simulation import plans;"
        "print([plans.drivers(1, CITY, 2), plans.drivers(1, CITY, 2)[1].answer(4)])"
    )
    ran = subprocess.run([sys.executable, "-c", program], cwd=REPOSITORY, capture_output=True, text=True, check=True)

    there = plans.drivers(1, CITY, 2)
    assert ran.stdout.strip() == str([there, there[1].answer(4)])


def test_more_drivers_are_the_same_ones_and_others() -> None:
    assert plans.drivers(1, CITY, 20)[:5] == plans.drivers(1, CITY, 5)


def test_passengers_arrive_as_often_as_was_asked_for() -> None:
    arrivals = [plan.arrives_at_s for plan in passengers(1, rides_per_min=60, minutes=60)]
    gaps = [after - before for before, after in itertools.pairwise(arrivals)]

    assert arrivals == sorted(arrivals)
    assert arrivals[-1] < 3600
    # A Poisson process: as many as the rate says, and gaps that vary as much as they are long.
    assert 3400 < len(arrivals) < 3800
    assert 0.9 < statistics.stdev(gaps) / statistics.mean(gaps) < 1.1


def test_everybody_stays_in_the_city_and_goes_somewhere_else() -> None:
    for plan in passengers(1, minutes=20):
        assert max(distance_m(CITY.centre, place) for place in (plan.pickup, plan.destination)) < CITY.radius_m
        assert distance_m(plan.pickup, plan.destination) > 500
    for driver in plans.drivers(1, CITY, 200):
        assert distance_m(CITY.centre, driver.start) < CITY.radius_m
        assert distance_m(CITY.centre, driver.leg(0).target) < CITY.radius_m


def test_every_kind_of_person_turns_up() -> None:
    everybody = passengers(1, minutes=10)
    answers = [driver.answer(offer) for driver in plans.drivers(1, CITY, 100) for offer in range(10)]

    edits = [plan.edit for plan in everybody if plan.edit]
    assert any(edit.pickup for edit in edits)
    assert any(edit.destination for edit in edits)
    assert any(plan.regrets_after_s for plan in everybody)
    assert {plan.searches_again for plan in everybody} == {True, False}
    assert {plan.product for plan in everybody} == set(CITY.products)
    assert {answer.reply for answer in answers} == set(Reply)
    assert any(answer.gives_back for answer in answers)
    assert 0.8 < sum(answer.reply is Reply.ACCEPT for answer in answers) / len(answers) < 0.93
