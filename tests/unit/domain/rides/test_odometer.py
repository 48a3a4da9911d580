"""How far a ride has gone, by fixes of doubtful worth."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rides.geo import EARTH_RADIUS_M
from domain.rides.model import Fix, Place
from domain.rides.odometer import DropReason, Odometer, advance

BEGAN = datetime(2026, 5, 5, 12, tzinfo=UTC)
NOW = BEGAN + timedelta(hours=1)
START = Place(52.5, 13.4)


def fix(second: float, metres: float, accuracy_m: float = 5) -> Fix:
    """A fix ``metres`` north of the start, ``second`` seconds after the beginning."""
    latitude = START.latitude + math.degrees(metres / EARTH_RADIUS_M)
    return Fix(Place(latitude, START.longitude), BEGAN + timedelta(seconds=second), accuracy_m)


def drive(*fixes: Fix) -> Odometer:
    return advance(Odometer(), fixes, NOW).odometer


def test_the_first_fix_is_where_counting_begins() -> None:
    result = advance(Odometer(), [fix(0, 0)], NOW)

    assert result.odometer == Odometer(0, 0, fix(0, 0))
    assert result.accepted == (fix(0, 0),)


def test_the_distance_is_the_sum_of_the_moves() -> None:
    assert drive(fix(0, 0), fix(5, 100), fix(10, 250), fix(15, 150)).distance_m == 350


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (fix(5, 80), DropReason.OUT_OF_ORDER),
        (fix(10, 120), DropReason.DUPLICATE),
        (fix(10.4, 110), DropReason.TOO_SOON),
        (fix(12, 300), DropReason.TOO_FAST),
        (fix(12, 120, accuracy_m=51), DropReason.INACCURATE),
        (fix(3606, 120), DropReason.IN_FUTURE),
    ],
)
def test_a_fix_that_cannot_be_believed_changes_nothing(wrong: Fix, reason: DropReason) -> None:
    before = drive(fix(0, 0), fix(10, 100))

    result = advance(before, [wrong], NOW)

    assert result.odometer == before
    assert result.accepted == ()
    assert result.dropped == {reason: 1}


def test_a_batch_may_come_in_any_order() -> None:
    fixes = [fix(0, 0), fix(5, 100), fix(10, 250)]

    assert advance(Odometer(), fixes[::-1], NOW) == advance(Odometer(), fixes, NOW)


def test_a_phone_that_tells_of_every_moment_is_heard_twice_a_second() -> None:
    result = advance(Odometer(), [fix(number / 10, 3 * number) for number in range(101)], NOW)

    assert len(result.accepted) == 21
    assert result.dropped == {DropReason.TOO_SOON: 80}
    assert result.odometer.distance_m == 300


def test_a_batch_sent_twice_counts_once() -> None:
    batch = [fix(0, 0), fix(5, 100), fix(10, 250)]
    once = advance(Odometer(), batch, NOW).odometer

    again = advance(once, batch, NOW)

    assert again.odometer == once
    assert again.dropped == {DropReason.OUT_OF_ORDER: 2, DropReason.DUPLICATE: 1}


def test_a_car_at_rest_goes_nowhere() -> None:
    result = advance(Odometer(), [fix(second, second % 7) for second in range(60)], NOW)

    assert result.odometer.distance_m == 0
    assert len(result.accepted) == 60


def test_a_creeping_car_gets_somewhere() -> None:
    assert drive(*(fix(second, 1.1 * second) for second in range(101))).distance_m == 110


def test_a_gap_is_bridged_with_a_detour_and_counted() -> None:
    crossing = drive(fix(0, 0), fix(61, 1000))

    assert (crossing.distance_m, crossing.gaps) == (1400, 1)
    assert (drive(fix(0, 0), fix(60, 1000)).distance_m, drive(fix(0, 0), fix(60, 1000)).gaps) == (1000, 0)


def test_waiting_in_a_jam_is_no_gap() -> None:
    waiting = [fix(second, 0) for second in range(0, 300, 10)]

    assert drive(*waiting, fix(300, 100)).gaps == 0


def test_one_wrong_fix_is_got_over() -> None:
    lost = drive(fix(0, 0), fix(100, 4000))

    result = advance(lost, [fix(second, second - 100) for second in range(110, 300, 10)], NOW)

    assert result.dropped[DropReason.TOO_FAST] == 7
    assert result.odometer.last_fix == fix(290, 190)


@given(st.lists(st.tuples(st.integers(0, 2400), st.floats(0, 3000)), max_size=30), st.integers(0, 30))
def test_it_does_not_matter_how_a_way_is_cut_into_batches(way: list[tuple[int, float]], cut: int) -> None:
    fixes = [fix(quarter / 4, metres) for quarter, metres in sorted(way)]

    whole = advance(Odometer(), fixes, NOW)
    first = advance(Odometer(), fixes[:cut], NOW)
    second = advance(first.odometer, fixes[cut:], NOW)

    assert second.odometer == whole.odometer
    assert first.accepted + second.accepted == whole.accepted
    assert len(whole.accepted) + sum(whole.dropped.values()) == len(fixes)


@given(st.lists(st.tuples(st.integers(-600, 8000), st.floats(-1e5, 1e5), st.floats(0, 100)), max_size=30))
def test_the_odometer_never_runs_back_nor_faster_than_a_car(way: list[tuple[int, float, float]]) -> None:
    result = advance(Odometer(), [fix(*each) for each in way], NOW)

    times = [each.at for each in result.accepted]
    assert times == sorted(set(times))
    seconds = (times[-1] - times[0]).total_seconds() if times else 0
    assert 0 <= result.odometer.distance_m <= (50 * seconds + 10.5 * len(times)) * 1.4
