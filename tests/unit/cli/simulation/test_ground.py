from __future__ import annotations

import pytest

from cli.simulation.ground import Car, bearing, distance_m, offset
from domain.rides.model import Place

HERE = Place(48.2, 16.37)


def test_an_offset_is_as_far_away_as_it_says() -> None:
    there = offset(HERE, 3000, 4000)

    assert distance_m(HERE, there) == pytest.approx(5000, rel=1e-3)


@pytest.mark.parametrize(
    ("east_m", "north_m", "degrees"), [(0, 100, 0), (100, 0, 90), (0, -100, 180), (-100, 0, 270)]
)
def test_bearings_are_clockwise_from_north(east_m: float, north_m: float, degrees: float) -> None:
    assert bearing(HERE, offset(HERE, east_m, north_m)) == pytest.approx(degrees, abs=0.1)


def test_a_car_drives_at_its_speed_however_often_it_is_looked_at() -> None:
    seldom, often = Car(HERE, 10.0), Car(HERE, 10.0)
    target = offset(HERE, 800, 600)
    seldom.head_for(target, 5.0)
    often.head_for(target, 5.0)

    seldom.move(65.0)
    for second in range(6, 66):
        often.move(float(second))

    assert distance_m(HERE, seldom.place) == pytest.approx(600, rel=1e-3)
    assert distance_m(seldom.place, often.place) < 1
    assert seldom.left_s(65.0) == pytest.approx(40, rel=1e-3)


def test_a_car_stays_where_it_has_arrived() -> None:
    car, target = Car(HERE, 10.0), offset(HERE, 100, 0)
    car.head_for(target, 0.0)

    car.move(1000.0)

    assert car.place == target
    assert car.target is None
    assert car.left_s(1000.0) == 0


def test_a_car_that_is_sent_elsewhere_goes_on_from_where_it_is() -> None:
    car = Car(HERE, 10.0)
    car.head_for(offset(HERE, 1000, 0), 0.0)

    car.head_for(HERE, 30.0)

    assert distance_m(HERE, car.place) == pytest.approx(300, rel=1e-3)
    assert car.left_s(30.0) == pytest.approx(30, rel=1e-3)


def test_a_stopped_car_stands() -> None:
    car = Car(HERE, 10.0)
    car.head_for(offset(HERE, 1000, 0), 0.0)

    car.stop(10.0)
    car.move(60.0)

    assert distance_m(HERE, car.place) == pytest.approx(100, rel=1e-3)
