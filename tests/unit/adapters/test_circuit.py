"""A circuit holds off callers, and lets one of them try again."""

import pytest

from adapters.circuit import Circuit


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_failures_in_a_row_open_it_and_a_success_in_between_does_not(clock: Clock) -> None:
    circuit = Circuit(2, 5.0, clock)

    circuit.fail()
    circuit.succeed()
    circuit.fail()
    before = circuit.may_try()
    circuit.fail()

    assert before
    assert not circuit.may_try()


def test_one_caller_tries_again_when_it_was_open_long_enough(clock: Clock) -> None:
    circuit = Circuit(1, 5.0, clock)
    circuit.fail()

    clock.now_s = 4.9
    early = circuit.may_try()
    clock.now_s = 5.0

    assert not early
    assert [circuit.may_try() for _ in range(3)] == [True, False, False]


def test_a_probe_that_succeeds_closes_it_and_one_that_fails_opens_it_again(clock: Clock) -> None:
    circuit = Circuit(3, 5.0, clock)
    for _ in range(3):
        circuit.fail()
    clock.now_s = 5.0
    circuit.may_try()

    circuit.fail()
    after_failure = circuit.may_try()
    clock.now_s = 10.0
    circuit.may_try()
    circuit.succeed()

    assert not after_failure
    assert [circuit.may_try() for _ in range(3)] == [True, True, True]
