"""Prices that follow the balance of each cell."""

from __future__ import annotations

import h3
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rides.model import Place
from domain.rides.surge import SurgeMap, cell_of

HERE = Place(52.52, 13.405)
FAR = Place(52.62, 13.405)
NEXT_DOOR = Place(*h3.cell_to_latlng(next(cell for cell in h3.grid_disk(cell_of(HERE), 1) if cell != cell_of(HERE))))
counts = st.integers(0, 60)


def test_where_nobody_is_nothing_rises() -> None:
    assert SurgeMap([], [], 3.0).surge_at(HERE) == 1.0


def test_one_passenger_alone_is_no_shortage() -> None:
    assert SurgeMap([HERE], [], 3.0).surge_at(HERE) <= 1.2


def test_many_waiting_and_nobody_free_reach_the_cap() -> None:
    assert SurgeMap([HERE] * 100, [], 2.5).surge_at(HERE) == 2.5


def test_drivers_next_door_help_and_drivers_far_away_do_not() -> None:
    demand = [HERE] * 10

    alone = SurgeMap(demand, [], 3.0).surge_at(HERE)

    assert SurgeMap(demand, [FAR] * 10, 3.0).surge_at(HERE) == alone
    assert SurgeMap(demand, [NEXT_DOOR] * 10, 3.0).surge_at(HERE) < alone
    assert SurgeMap(demand, [HERE] * 10, 3.0).surge_at(HERE) == 1.0


def test_a_shortage_is_felt_next_door_but_less() -> None:
    surge = SurgeMap([HERE] * 10, [], 3.0)

    assert 1.0 < surge.surge_at(NEXT_DOOR) < surge.surge_at(HERE)


@given(counts, counts, st.floats(1, 5))
def test_the_multiplier_is_a_tenth_within_its_bounds(demand: int, supply: int, cap: float) -> None:
    surge = SurgeMap([HERE] * demand, [HERE] * supply, cap).surge_at(HERE)

    assert 1.0 <= surge <= cap
    assert surge * 10 == pytest.approx(round(surge * 10))


@given(counts, counts)
def test_more_waiting_never_make_it_cheaper_and_more_drivers_never_dearer(demand: int, supply: int) -> None:
    surge = SurgeMap([HERE] * demand, [HERE] * supply, 3.0).surge_at(HERE)

    assert SurgeMap([HERE] * (demand + 1), [HERE] * supply, 3.0).surge_at(HERE) >= surge
    assert SurgeMap([HERE] * demand, [HERE] * (supply + 1), 3.0).surge_at(HERE) <= surge


def test_the_heat_map_counts_everybody_once_and_shows_the_hottest_first() -> None:
    surge = SurgeMap([HERE] * 8 + [FAR], [FAR] * 3 + [NEXT_DOOR], 3.0)

    cells = surge.cells()

    assert cells[0].cell == cell_of(HERE)
    assert [(cell.demand, cell.supply) for cell in cells if cell.cell == cell_of(FAR)] == [(1, 3)]
    assert (sum(cell.demand for cell in cells), sum(cell.supply for cell in cells)) == (9, 4)
    assert cells[0].surge == surge.surge_at(HERE)
