"""Where a city ends, and how fast one gets about in it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from domain.rides.cities import city_of
from domain.rides.model import Place
from tests.cities import DEMO_CITY

CENTRE = DEMO_CITY.centre
NEIGHBOUR = replace(DEMO_CITY, name="neighbour", centre=Place(52.39, 13.06), radius_km=30)


def test_a_city_ends_at_its_radius() -> None:
    assert DEMO_CITY.contains(CENTRE)
    assert DEMO_CITY.contains(Place(CENTRE.latitude + 0.26, CENTRE.longitude))
    assert not DEMO_CITY.contains(Place(CENTRE.latitude + 0.28, CENTRE.longitude))


@pytest.mark.parametrize(
    ("place", "name"), [(CENTRE, "demo"), (Place(52.41, 13.1), "neighbour"), (Place(52.3, 12.8), "neighbour")]
)
def test_where_cities_overlap_the_nearer_one_serves(place: Place, name: str) -> None:
    city = city_of([DEMO_CITY, NEIGHBOUR], place)

    assert city is not None
    assert city.name == name


def test_elsewhere_nobody_serves() -> None:
    assert city_of([DEMO_CITY, NEIGHBOUR], Place(48.85, 2.35)) is None
    assert city_of([], CENTRE) is None


def test_the_speed_is_that_of_the_local_hour() -> None:
    city = replace(DEMO_CITY, speeds_km_per_h=tuple(float(hour + 1) for hour in range(24)))

    # Berlin is two hours ahead of UTC in summer and one in winter.
    assert city.speed_m_per_s(datetime(2026, 7, 1, 22, 30, tzinfo=UTC)) == pytest.approx(1 / 3.6)
    assert city.speed_m_per_s(datetime(2026, 1, 1, 22, 30, tzinfo=UTC)) == pytest.approx(24 / 3.6)


def test_the_demo_city_has_a_speed_for_every_hour_and_products_of_different_names() -> None:
    names = [product.name for product in DEMO_CITY.products]

    assert len(DEMO_CITY.speeds_km_per_h) == 24
    assert min(DEMO_CITY.speeds_km_per_h) > 0
    assert len(set(names)) == len(names) > 1
    assert [DEMO_CITY.product(name) for name in names] == list(DEMO_CITY.products)
    assert DEMO_CITY.product("no such thing") is None
