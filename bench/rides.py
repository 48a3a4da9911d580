"""Rides: the matching, the driver index, a whole tick, and the calls over HTTP."""

from __future__ import annotations

from collections.abc import Sequence

from bench import rides_http, rides_index, rides_matching, rides_tick
from bench.figures import Figure


def measure() -> Sequence[Figure]:
    """Measure all of them, one after the other."""
    areas = (rides_index, rides_matching, rides_tick, rides_http)
    return [figure for area in areas for figure in area.measure()]
