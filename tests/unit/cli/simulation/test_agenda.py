from __future__ import annotations

import threading
import time
from collections.abc import Generator

import pytest

from cli.simulation.agenda import HURRIED_PAUSE_S, Agenda, Crew
from tests.unit.cli.simulation.virtual import VirtualClock, run_virtually


def test_scripts_go_on_in_the_order_of_their_times() -> None:
    agenda, diary = Agenda(), []

    def person(name: str, pause_s: float) -> Generator[float, None, None]:
        for _ in range(2):
            yield pause_s
            diary.append(name)

    agenda.add(person("slow", 5), 0)
    agenda.add(person("quick", 2), 0)
    clock = run_virtually(agenda)

    assert diary == ["quick", "quick", "slow", "slow"]
    assert clock.now_s == 10
    assert agenda.alive == 0


def test_nothing_is_taken_before_its_time() -> None:
    agenda = Agenda()
    agenda.add((pause for pause in ()), 3.0)

    assert agenda.take(2.9) is None
    assert agenda.take(3.0) is not None
    assert agenda.take(3.0) is None


def test_whoever_is_hurried_makes_no_long_pause_any_more() -> None:
    agenda, clock, clock_times = Agenda(), VirtualClock(), []

    def sleeper() -> Generator[float, None, None]:
        yield 1000
        clock_times.append(clock.now_s)
        yield 1000
        clock_times.append(clock.now_s)

    def hurrier() -> Generator[float, None, None]:
        yield 10
        agenda.hurry(clock.now_s)

    agenda.add(sleeper(), 0)
    agenda.add(hurrier(), 0)
    run_virtually(agenda, clock)

    assert clock_times == [10, 10 + HURRIED_PAUSE_S]


def test_threads_carry_many_scripts_at_once() -> None:
    agenda, together = Agenda(), threading.Barrier(3)

    def person() -> Generator[float, None, None]:
        yield 0.01
        together.wait(10)

    for _ in range(3):
        agenda.add(person(), 0)
    crew = Crew(agenda, time.monotonic, 3)
    crew.run()
    crew.close()

    assert agenda.alive == 0
    assert len(crew.lags_s) == 6


def test_a_script_that_breaks_ends_the_run() -> None:
    agenda = Agenda()

    def broken() -> Generator[float, None, None]:
        yield 0.0
        raise KeyError("a mistake")

    def endless() -> Generator[float, None, None]:
        while True:
            yield 1000

    agenda.add(broken(), 0)
    agenda.add(endless(), 0)
    crew = Crew(agenda, lambda: 0.0, 2)

    with pytest.raises(KeyError, match="a mistake"):
        crew.run()
    crew.close()
