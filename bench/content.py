"""Content: sets served from memory."""

from __future__ import annotations

from collections.abc import Sequence

from bench import content_sets
from bench.figures import Figure


def measure() -> Sequence[Figure]:
    """Measure all of them, one after the other."""
    areas = (content_sets,)
    return [figure for area in areas for figure in area.measure()]
