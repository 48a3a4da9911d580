"""How a simulation is shown: what goes on, while it does, and what came of it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import click

from cli.output import print_table
from cli.simulation.drivers import DRIVING, ON_DUTY
from cli.simulation.passengers import RIDING, WAITING
from cli.simulation.tally import Outcome, percentile
from cli.simulation.world import World

SHARES = (0.5, 0.9, 0.99)
LINE_EVERY_S = 5.0
COLUMNS = (
    "time", "waiting", "riding", "served", "lost", "cancelled", "drivers", "driving", "offers", "accepted",
    "calls/s", "errors", "violations",
)  # fmt: skip


class Progress:
    """Shows how it goes: on a terminal in place, else (``is_live`` false) as a row every few seconds."""

    def __init__(self, world: World, write: Callable[[str], None], *, is_live: bool) -> None:
        self._world = world
        self._write = write
        self._is_live = is_live
        self._shown_at_s: float | None = None
        self._calls = 0

    def show(self) -> None:
        """Show the present counts; call it as often as they may be of interest."""
        now_s = self._world.clock()
        since_s = None if self._shown_at_s is None else now_s - self._shown_at_s
        if since_s is not None and since_s < (0.5 if self._is_live else LINE_EVERY_S):
            return
        calls = self._world.tally.number_of_calls()
        row = self._row(now_s, (calls - self._calls) / since_s if since_s else 0.0)
        if since_s is None:
            self._write(_line(COLUMNS) + "\n")
        # Back to the row's beginning, and what was there before is wiped out.
        self._write(f"\r\x1b[K{_line(row)}" if self._is_live else f"{_line(row)}\n")
        self._shown_at_s, self._calls = now_s, calls

    def close(self) -> None:
        """Leave the row that stands."""
        if self._is_live and self._shown_at_s is not None:
            self._write("\n")

    def _row(self, now_s: float, calls_per_s: float) -> tuple[str, ...]:
        tally, counts = self._world.tally, self._world.tally.counts
        numbers = (
            counts[WAITING],
            counts[RIDING],
            *(tally.ended(outcome) for outcome in (Outcome.SERVED, Outcome.LOST, Outcome.CANCELLED)),
            counts[ON_DUTY],
            counts[DRIVING],
            counts["offers received"],
            counts["offers accepted"],
            round(calls_per_s),
            tally.errors.total(),
            self._world.ledger.number_of_violations,
        )
        return (f"{int(now_s) // 60}:{int(now_s) % 60:02d}", *map(str, numbers))


def _line(cells: Sequence[str]) -> str:
    return "  ".join(cell.rjust(len(heading)) for cell, heading in zip(cells, COLUMNS, strict=True))


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a simulation. ``lags_s`` says of each step how late this client itself was with it."""

    world: World
    lags_s: Sequence[float]

    @property
    def is_fine(self) -> bool:
        """Tell whether the platform answered every call and nothing was seen that must never be."""
        return not self.world.tally.failures and not self.world.ledger.number_of_violations

    def as_json(self) -> dict[str, object]:
        """Return everything, for programs."""
        tally = self.world.tally
        return {
            "is_fine": self.is_fine,
            "rides": [
                {"outcome": outcome.value, "reason": reason or None, "number": number}
                for (outcome, reason), number in sorted(tally.outcomes.items())
            ],
            "waits_s": {name: _percentiles(values) for name, values in self._waits()},
            "counts": {name: number for name, number in sorted(tally.counts.items()) if number},
            "calls": {
                name: {"number": len(values), **_percentiles(values)} for name, values in sorted(tally.call_s.items())
            },
            "errors": dict(sorted(tally.errors.items())),
            "failures": tally.failures,
            "violations": self.world.ledger.violations,
            "number_of_violations": self.world.ledger.number_of_violations,
            "client_lag_s": _percentiles(self.lags_s),
        }

    def print(self) -> None:
        """Print tables, for people."""
        tally = self.world.tally
        _print_section(("rides", "", "number"), self._outcomes())
        _print_section(
            ("seconds from its creation until a ride was", "rides", "p50", "p90", "p99"),
            [(name, len(values), *_round(values, 1, 1)) for name, values in self._waits()],
        )
        _print_section(("", "number"), [(name, n) for name, n in sorted(tally.counts.items()) if n])
        _print_section(
            ("call", "number", "p50 ms", "p90 ms", "p99 ms"),
            [(name, len(values), *_round(values, 1000, 1)) for name, values in sorted(tally.call_s.items())],
        )
        _print_section(("refused or not answered", "number"), sorted(tally.errors.items()))
        lag_s = percentile(self.lags_s, 0.99) or 0.0
        click.echo(f"This client began 99 % of its steps within {lag_s * 1000:.0f} ms of their time.")
        for violation in self.world.ledger.violations:
            click.echo(f"VIOLATION: {violation}")
        click.echo(self._verdict())

    def _outcomes(self) -> list[tuple[str, str, int]]:
        order = list(Outcome)
        found = sorted(self.world.tally.outcomes.items(), key=lambda item: (order.index(item[0][0]), item[0][1]))
        return [(outcome.value, reason, number) for (outcome, reason), number in found]

    def _waits(self) -> tuple[tuple[str, Sequence[float]], ...]:
        tally = self.world.tally
        return (("matched", tally.to_match_s), ("started", tally.to_start_s))

    def _verdict(self) -> str:
        if self.is_fine:
            return "Every call was answered, and nothing was seen that must never be."
        return (
            f"{self.world.tally.failures} calls failed or were not answered, "
            f"{self.world.ledger.number_of_violations} times something was seen that must never be."
        )


def _print_section(headings: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    if rows:
        print_table(headings, rows)
        click.echo()


def _percentiles(values: Sequence[float]) -> dict[str, float | None]:
    return {f"p{share * 100:.0f}": percentile(values, share) for share in SHARES}


def _round(values: Sequence[float], factor: float, digits: int) -> list[str]:
    found = (percentile(values, share) for share in SHARES)
    return ["-" if value is None else f"{value * factor:.{digits}f}" for value in found]
