"""Distances on the globe, one by one and in columns, and the flat map."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rides.geo import Places, distance_m, distances_m, project
from domain.rides.model import Place

BERLIN = Place(52.52, 13.405)
PARIS = Place(48.8566, 2.3522)
places = st.builds(Place, st.floats(-90, 90), st.floats(-180, 180))


def test_berlin_is_878_km_from_paris() -> None:
    assert distance_m(BERLIN, PARIS) == pytest.approx(877_500, rel=0.001)


def test_the_180th_meridian_is_no_wall() -> None:
    assert distance_m(Place(0, 179.999), Place(0, -179.999)) == pytest.approx(222.4, abs=0.1)


@given(places)
def test_a_place_is_where_it_is(place: Place) -> None:
    assert distance_m(place, place) == 0


@given(places, places, places)
def test_a_detour_is_never_shorter(a: Place, b: Place, c: Place) -> None:
    assert distance_m(a, c) <= distance_m(a, b) + distance_m(b, c) + 0.01


@given(st.lists(st.tuples(places, places), min_size=1, max_size=5))
def test_columns_say_the_same_as_one_by_one(pairs: list[tuple[Place, Place]]) -> None:
    origins, destinations = [a for a, _ in pairs], [b for _, b in pairs]

    distances = distances_m(Places.of(origins), Places.of(destinations))

    assert distances == pytest.approx(np.array([distance_m(*pair) for pair in pairs]), abs=0.01)


@given(st.floats(-0.2, 0.2), st.floats(-0.2, 0.2), st.sampled_from([0.0, 13.405, 179.9, -179.95]))
def test_a_city_on_the_flat_map_is_true_to_one_per_cent(north: float, east: float, longitude: float) -> None:
    origin = Place(52.52, longitude)
    place = Place(52.52 + north, (longitude + east + 180) % 360 - 180)

    ((x, y),) = project(Places.of([place]), origin)

    assert np.hypot(x, y) == pytest.approx(distance_m(origin, place), rel=0.01, abs=0.01)


def test_columns_are_a_sequence_of_places() -> None:
    columns = Places.of([BERLIN, PARIS])

    assert list(columns) == [BERLIN, PARIS]
    assert list(columns[1:]) == [PARIS]
    assert list(columns.take(np.array([1, 1, 0]))) == [PARIS, PARIS, BERLIN]
    assert Places.of(columns) is columns
