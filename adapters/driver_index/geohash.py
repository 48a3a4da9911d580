"""Read the scores of Redis' GEO sets: 52-bit geohashes, 26 bits of latitude and of longitude in turn.

As ``geohash.c`` and ``geohash_helper.c`` of Redis have it: the lowest bit is latitude's, the ranges are those of web
maps, and a cell stands for its middle. A cell is 0.6 m wide at most, so a decoded place is off by 0.4 m at most.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

MAX_LATITUDE = 85.05112878
MAX_LONGITUDE = 180.0
_CELLS = 1 << 26
# Half as many pairs of bits are left between the kept ones after each step.
_STEPS = (
    (1, 0x3333333333333333),
    (2, 0x0F0F0F0F0F0F0F0F),
    (4, 0x00FF00FF00FF00FF),
    (8, 0x0000FFFF0000FFFF),
    (16, 0x00000000FFFFFFFF),
)


def decode(scores: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """Return the latitudes and longitudes of the cells that ``scores`` (numbers as text) name."""
    # One parse of one text: a tenth of what ``int`` of each would take.
    bits = np.fromstring(" ".join(scores), dtype=np.int64, sep=" ").astype(np.uint64)
    latitudes = (_every_other_bit(bits) + 0.5) / _CELLS * (2 * MAX_LATITUDE) - MAX_LATITUDE
    longitudes = (_every_other_bit(bits >> np.uint64(1)) + 0.5) / _CELLS * (2 * MAX_LONGITUDE) - MAX_LONGITUDE
    return latitudes, longitudes


def _every_other_bit(bits: np.ndarray) -> np.ndarray:
    kept = bits & np.uint64(0x5555555555555555)
    for shift, mask in _STEPS:
        kept = (kept | (kept >> np.uint64(shift))) & np.uint64(mask)
    return kept
