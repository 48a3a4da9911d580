"""A figure: one ratio of two things measured in one run, held against its bound."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Figure:
    """A ratio (or, where ``detail`` says so, a plain amount) and the bound that it must keep.

    ``better`` tells on which side of ``bound`` it should lie; ``detail`` holds the two measurements with units.
    """

    figure: str
    value: float
    bound: float
    better: Literal["lower", "higher"]
    detail: str

    @property
    def is_met(self) -> bool:
        """Tell whether the value lies on the right side of its bound."""
        return self.value <= self.bound if self.better == "lower" else self.value >= self.bound


def as_json_line(figure: Figure) -> str:
    """Return one JSON object: figure, value, bound, better, ok, detail."""
    fields = asdict(figure)
    detail = fields.pop("detail")
    return json.dumps({**fields, "value": round(figure.value, 4), "ok": figure.is_met, "detail": detail})


def as_table(figures: Sequence[Figure]) -> str:
    """Return the figures as aligned text, one line each."""
    rows = [("figure", "value", "bound", "", "detail")]
    rows += [(f.figure, f"{f.value:.3g}", _bound(f), "ok" if f.is_met else "MISSED", f.detail) for f in figures]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, [*widths, 0], strict=True)) for row in rows]
    return "\n".join(line.rstrip() for line in lines)


def percentile(samples: Sequence[float], percent: int) -> float:
    """Return the ``percent``-th percentile of ``samples`` (1 to 99), interpolated."""
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]


def _bound(figure: Figure) -> str:
    return f"{'<=' if figure.better == 'lower' else '>='} {figure.bound:.3g}"
