"""One POP, brought up to date."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pytest

from domain.cache_refreshes.edge import Copy, Selection
from domain.cache_refreshes.refresh import Filling, Outcome, Patience, Wanted, fill, find_left, look
from tests.fake_pop import FakeOrigin, FakePop

PATHS = [f"/v/1/{number}" for number in range(40)]


@dataclass
class Budget:
    """A pace that ends after so many bytes."""

    bytes_left: int = 1_000_000
    charged: list[int] = field(default_factory=list)

    def may_go_on(self) -> bool:
        return self.bytes_left > 0

    def charge(self, size_bytes: int) -> None:
        self.charged.append(size_bytes)
        self.bytes_left -= size_bytes


@pytest.fixture
def pop() -> FakePop:
    origin = FakeOrigin()
    for path in PATHS:
        origin.put(path, tags=("video:1",))
    return FakePop(origin)


def impatient() -> Patience:
    """One that waits in no real time."""
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    return Patience(sleep=sleep, clock=lambda: now[0])


def fill_all(pop: FakePop, pace: Budget | None = None, etag: str | None = None) -> Filling:
    return fill(pop, [Wanted(path, etag) for path in PATHS], pace or Budget(), impatient())


def outcomes(filling: Filling) -> dict[Outcome, int]:
    counts: dict[Outcome, int] = {}
    for result in filling.results:
        counts[result.outcome] = counts.get(result.outcome, 0) + 1
    return counts


def test_what_a_pop_lacks_is_fetched_once_and_proven(pop: FakePop) -> None:
    pace = Budget()

    first = fill_all(pop, pace)
    second = fill_all(pop)

    assert outcomes(first) == outcomes(second) == {Outcome.VERIFIED: 40}
    assert sorted(pop.origin.fetched) == sorted(PATHS)
    assert sum(pace.charged) == 400
    assert [result.is_fetched for result in second.results] == 40 * [False]


def test_after_a_soft_purge_a_stale_answer_is_not_believed(pop: FakePop) -> None:
    fill_all(pop)
    for path in PATHS:
        pop.origin.put(path, '"2"')

    pop.purge(Selection(prefix="/v/1/"), is_soft=True)
    filling = fill_all(pop)

    assert {result.copy for result in filling.results} == {Copy('"2"', 10, is_fresh=True)}


def test_a_fresh_copy_with_another_etag_is_fetched_anew(pop: FakePop) -> None:
    fill_all(pop)
    pop.origin.put(PATHS[0], '"2"')

    filling = fill(pop, [Wanted(PATHS[0], 'W/"2"'), Wanted(PATHS[1], '"1"')], Budget(), impatient())

    assert outcomes(filling) == {Outcome.VERIFIED: 2}
    assert pop.copies[PATHS[0]].etag == '"2"'
    assert pop.named("purge") == [Selection(paths=(PATHS[0],))]


def test_what_the_origin_never_has_is_told_as_wrong(pop: FakePop) -> None:
    filling = fill(pop, [Wanted(PATHS[0], '"9"')], Budget(), impatient())

    assert [(result.outcome, result.reason) for result in filling.results] == [
        (Outcome.WRONG, 'the origin has ETag "1", not "9"')
    ]


def test_what_the_origin_does_not_have_is_told_apart_from_what_the_pop_does_not_keep(pop: FakePop) -> None:
    pop.unkept.add(PATHS[0])

    filling = fill(pop, [Wanted("/none"), Wanted(PATHS[0])], Budget(), impatient())

    assert {result.path: (result.outcome, result.reason) for result in filling.results} == {
        "/none": (Outcome.NOT_AT_ORIGIN, "the origin has none"),
        PATHS[0]: (Outcome.WRONG, f"the POP did not keep {PATHS[0]}"),
    }


def test_a_stale_copy_of_an_origin_that_is_down_is_not_proven(pop: FakePop) -> None:
    fill_all(pop)
    pop.purge(Selection(paths=(PATHS[0],)), is_soft=True)
    pop.origin.is_down = True

    filling = fill(pop, [Wanted(PATHS[0])], Budget(), impatient())

    assert [(result.outcome, result.reason) for result in filling.results] == [
        (Outcome.WRONG, "the origin does not give a fresh one")
    ]


def test_an_origin_that_is_down_does_not_hold_up_a_fill_for_long(pop: FakePop) -> None:
    pop.origin.is_down = True

    filling = fill_all(pop)

    assert str(filling.fault).startswith("16 objects cannot be had; /v/1/")
    assert len(filling.results) < 40
    assert {result.reason for result in filling.results} == {"the POP answered 503"}


def test_a_pop_that_breaks_in_the_middle_leaves_what_is_left(pop: FakePop) -> None:
    calls = threading.Semaphore(30)

    def count(name: str) -> None:
        pop.is_away = pop.is_away or not calls.acquire(blocking=False)

    pop.on_call = count
    filling = fill_all(pop)
    pop.on_call, pop.is_away = lambda name: None, False
    rest = fill(pop, filling.left, Budget(), impatient())

    assert str(filling.fault) == "connection refused"
    assert len(filling.results) + len(filling.left) == 40
    assert filling.left
    assert len(filling.results) + outcomes(rest)[Outcome.VERIFIED] == 40


def test_a_fill_ends_when_its_pace_says_so(pop: FakePop) -> None:
    filling = fill_all(pop, Budget(100))

    assert filling.fault is None
    # Those that were under way at that moment are finished.
    assert 10 <= len(filling.results) <= 18
    assert {each.path for each in filling.left} == set(PATHS) - {result.path for result in filling.results}


def test_a_look_has_nothing_fetched(pop: FakePop) -> None:
    fill_all(pop)
    del pop.copies[PATHS[3]]
    pop.copies[PATHS[4]] = Copy('"0"', 10, is_fresh=True)
    pop.copies[PATHS[5]] = Copy('"1"', 10, is_fresh=False)
    pop.origin.fetched.clear()

    results = look(pop, [Wanted(path, '"1"') for path in PATHS], lambda: True)

    assert pop.origin.fetched == []
    assert {result.path: result.reason for result in results if result.outcome is Outcome.WRONG} == {
        PATHS[3]: "absent",
        PATHS[4]: 'has ETag "0"',
    }


def test_a_pop_that_kept_what_it_should_drop_is_found_out(pop: FakePop) -> None:
    fill_all(pop)
    pop.purge(Selection(paths=tuple(PATHS[:39])), is_soft=False)

    assert find_left(pop, PATHS) == [PATHS[39]]
