"""The time of a drive by distance, detour and the hour's speed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from domain.rides.eta import START_AND_STOP_S, HaversineEta
from domain.rides.geo import Places, distance_m
from domain.rides.model import Place
from tests.cities import DEMO_CITY

CITY = replace(DEMO_CITY, speeds_km_per_h=(*[36.0] * 12, *[18.0] * 12))
MORNING, EVENING = datetime(2026, 5, 5, 6, tzinfo=UTC), datetime(2026, 5, 5, 18, tzinfo=UTC)
A, B, C = Place(52.50, 13.40), Place(52.52, 13.40), Place(52.52, 13.45)


def test_a_drive_takes_the_detour_at_the_speed_of_the_hour_and_a_start_and_a_stop() -> None:
    morning = HaversineEta(CITY, lambda: MORNING).pairs([A], [B])
    evening = HaversineEta(CITY, lambda: EVENING).pairs([A], [B])

    assert morning.seconds[0] == pytest.approx(distance_m(A, B) * 1.4 / 10 + START_AND_STOP_S)
    assert evening.seconds[0] == pytest.approx(distance_m(A, B) * 1.4 / 5 + START_AND_STOP_S)
    assert morning.source == "haversine"


def test_columns_and_lists_are_answered_alike() -> None:
    eta = HaversineEta(CITY, lambda: MORNING)

    assert np.array_equal(eta.pairs(Places.of([A, B]), [C, A]).seconds, eta.pairs([A, B], [C, A]).seconds)


def test_of_nothing_there_is_nothing_to_say() -> None:
    assert HaversineEta(CITY).pairs([], []).seconds.shape == (0,)
