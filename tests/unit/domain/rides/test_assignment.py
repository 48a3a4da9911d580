"""The least sum of costs, by the solver and in turn."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.rides.assignment import NOBODY, Edges, assign


@dataclass(frozen=True, slots=True)
class Problem:
    """What each ride costs with each driver, sparse, and without any."""

    costs: dict[tuple[int, int], float]
    unserved: tuple[float, ...]

    def solve(self, budget_s: float = 60) -> list[int]:
        rides, drivers = np.array(list(self.costs), dtype=np.intp).reshape(-1, 2).T
        edges = Edges(rides, drivers, np.array(list(self.costs.values())))
        return assign(edges, np.array(self.unserved), budget_s).drivers.tolist()

    def total(self, drivers: list[int]) -> float:
        return sum(
            self.unserved[ride] if driver == NOBODY else self.costs[ride, driver]
            for ride, driver in enumerate(drivers)
        )


@st.composite
def problems(draw: st.DrawFn, most: int = 12, least_unserved: float = 1) -> Problem:
    rides, drivers = draw(st.integers(0, most)), draw(st.integers(1, most))
    pairs = list(itertools.product(range(rides), range(drivers)))
    kept = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    costs = {pair: draw(st.floats(1, 1000)) for pair in kept}
    return Problem(costs, tuple(draw(st.floats(least_unserved, 2000)) for _ in range(rides)))


def brute_force(problem: Problem) -> float:
    """The least total of all assignments there are."""
    choices = [
        [NOBODY, *(driver for ride, driver in problem.costs if ride == each)] for each in range(len(problem.unserved))
    ]
    possible = (
        list(drivers)
        for drivers in itertools.product(*choices)
        if len(served := [driver for driver in drivers if driver != NOBODY]) == len(set(served))
    )
    return min(problem.total(drivers) for drivers in possible)


@given(problems(most=4))
def test_the_solver_finds_what_trying_everything_finds(problem: Problem) -> None:
    assert problem.total(problem.solve()) == pytest.approx(brute_force(problem))


@given(problems(), st.sampled_from([0, 60]))
def test_no_driver_is_given_twice_and_only_where_there_is_an_edge(problem: Problem, budget_s: float) -> None:
    drivers = problem.solve(budget_s)

    served = [driver for driver in drivers if driver != NOBODY]
    assert len(served) == len(set(served))
    assert {(ride, driver) for ride, driver in enumerate(drivers) if driver != NOBODY} <= problem.costs.keys()


@given(problems())
def test_the_solver_is_never_worse_than_taking_turns(problem: Problem) -> None:
    assert problem.total(problem.solve()) <= problem.total(problem.solve(budget_s=0)) + 1e-6


@given(problems(least_unserved=1001), st.sampled_from([0, 60]))
def test_nobody_is_left_beside_a_driver_who_is_left(problem: Problem, budget_s: float) -> None:
    drivers = problem.solve(budget_s)

    assert [(r, d) for r, d in problem.costs if drivers[r] == NOBODY and d not in drivers] == []


@given(st.integers(1, 40), st.integers(0, 40), st.integers(0))
def test_all_are_served_when_drivers_are_enough_and_within_reach(rides: int, spare: int, seed: int) -> None:
    costs = np.random.default_rng(seed).uniform(1, 1000, (rides, rides + spare))

    assert NOBODY not in Problem(dict(np.ndenumerate(costs)), (1001.0,) * rides).solve()


def test_taking_turns_serves_the_dearest_to_leave_first_and_each_with_the_cheapest_left() -> None:
    problem = Problem({(0, 0): 10, (0, 1): 20, (1, 0): 15, (1, 1): 16, (2, 0): 1}, (3600, 3700, 3650))

    assert problem.solve(budget_s=0) == [1, 0, NOBODY]
    assert problem.solve() == [NOBODY, 1, 0]


def test_a_ride_is_left_when_that_is_cheaper() -> None:
    assert Problem({(0, 0): 500}, (400,)).solve() == [NOBODY]


def test_parts_that_share_no_driver_are_solved_like_one() -> None:
    random = np.random.default_rng(5)
    towns = 700
    costs = {
        (2 * town + ride, 2 * town + driver): float(random.uniform(1, 1000))
        for town in range(towns)
        for ride, driver in itertools.product(range(2), range(2))
    }
    problem = Problem(costs, (5000.0,) * (2 * towns))

    drivers = problem.solve()

    straight = [costs[2 * t, 2 * t] + costs[2 * t + 1, 2 * t + 1] for t in range(towns)]
    crossed = [costs[2 * t, 2 * t + 1] + costs[2 * t + 1, 2 * t] for t in range(towns)]
    assert problem.total(drivers) == pytest.approx(np.minimum(straight, crossed).sum())


def test_a_part_that_would_take_too_long_is_given_out_in_turn_and_the_others_are_still_solved() -> None:
    # Two rides apart cost 1010 in turn and 40 at best. The others are so many that they would take a minute.
    crowd = np.arange(50_000)
    rides = np.concatenate(([0, 0, 1, 1], 2 + crowd, 2 + crowd))
    drivers = np.concatenate(([5, 6, 5, 6], np.zeros_like(crowd), 1 + crowd % 4))
    costs = np.concatenate(([10, 20, 20, 1000], np.full(2 * len(crowd), 50.0)))

    result = assign(Edges(rides, drivers, costs), np.full(2 + len(crowd), 5000.0), budget_s=60)

    assert result.greedy_rides == len(crowd)
    assert result.drivers[:2].tolist() == [6, 5]
    assert sorted(result.drivers[result.drivers != NOBODY].tolist()) == list(range(7))


def test_without_rides_or_edges_there_is_nothing_to_do() -> None:
    assert Problem({}, ()).solve() == []
    assert Problem({}, (5, 6)).solve() == [NOBODY, NOBODY]
