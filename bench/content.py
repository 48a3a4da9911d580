"""Content: sets served from memory, points of presence, and what the populator's placement is worth."""

from __future__ import annotations

from collections.abc import Sequence

from bench import content_edge, content_placement, content_sets
from bench.figures import Figure


def measure() -> Sequence[Figure]:
    """Measure all of them, one after the other."""
    areas = (content_sets, content_edge, content_placement)
    return [figure for area in areas for figure in area.measure()]
