"""Time that passes by itself: a simulation of minutes in a moment, and the same one every time."""

from __future__ import annotations

from dataclasses import dataclass

from cli.simulation.agenda import Agenda


@dataclass
class VirtualClock:
    now_s: float = 0.0

    def __call__(self) -> float:
        return self.now_s


def run_virtually(agenda: Agenda, clock: VirtualClock | None = None) -> VirtualClock:
    """Carry every script to its end, one after another, jumping from one time to the next."""
    clock = clock or VirtualClock()
    while (at_s := agenda.first_at_s()) is not None:
        clock.now_s = max(clock.now_s, at_s)
        taken = agenda.take(clock.now_s)
        assert taken is not None
        agenda.go_on(taken[0], clock)
    return clock
