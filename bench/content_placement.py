"""The populator's placement against a cache that keeps what was asked for last, on one simulated stream of requests.

Both know only the past: what is placed follows from the views counted in the first part of the stream, and the cache
has seen that part go by. Then both serve the second part.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bench.figures import Figure
from domain.cache_refreshes.placement import Placement, Pop, Quality, Rendition, place

TITLES = 5000
CAPACITY = TITLES // 10
DAYS = 7
REQUESTS_PER_DAY = 50_000
ZIPF = 1.0
SEEDS = (1, 2, 3)

NOW = datetime(2026, 1, 8, tzinfo=UTC)
POP, REGION = "pop", "region"

Titles = NDArray[np.intp]


def measure() -> Sequence[Figure]:
    """Simulate a week to learn from and the day after it, for a few seeds; the ratio is that of the worst."""
    runs = [_hit_ratios(seed) for seed in SEEDS]
    ours, least, predicted = min(runs, key=lambda run: run[0] / run[1])
    shown = ", ".join(f"{run[0] / run[1]:.3f}" for run in runs)
    return [
        Figure(f"populator's placement, zipf {ZIPF:.1f}, capacity {CAPACITY / TITLES:.0%} / LRU, hit ratio",
               ours / least, 1.1, "higher",
               f"{ours:.3f} (predicted {predicted:.3f}) / {least:.3f} of {REQUESTS_PER_DAY} requests for {TITLES} "
               f"titles, after {DAYS} days as busy; seeds: {shown}"),
    ]  # fmt: skip


def _hit_ratios(seed: int) -> tuple[float, float, float]:
    """Return the hit ratio of what was placed, of the cache, and what the placement had predicted for itself."""
    random = np.random.default_rng(seed)
    popularity = random.permutation(np.arange(1, TITLES + 1) ** -ZIPF)
    requests: Titles = random.choice(TITLES, (DAYS + 1, REQUESTS_PER_DAY), p=popularity / popularity.sum())
    placement = _placement(requests[:DAYS])
    placed = np.isin(requests[DAYS], [int(title) for title in placement.held_by(POP)])
    return float(placed.mean()), _lru_hit_ratio(requests), placement.hit_ratios[POP]


def _placement(days: Titles) -> Placement:
    """Place by the views of ``days``, the oldest of which comes first."""
    views = np.array([np.bincount(day, minlength=TITLES) for day in days])[::-1]
    released_at = NOW - timedelta(days=365)
    renditions = [
        Rendition(str(title), Quality.SD, 1, released_at, {REGION: views[:, title].tolist()})
        for title in range(TITLES)
    ]
    return place([Pop(POP, REGION, CAPACITY)], renditions, NOW)


def _lru_hit_ratio(requests: Titles) -> float:
    cache: OrderedDict[int, None] = OrderedDict()
    hits = 0
    for day in requests:
        hits = 0
        for title in day.tolist():
            if title in cache:
                hits += 1
                cache.move_to_end(title)
                continue
            cache[title] = None
            if len(cache) > CAPACITY:
                cache.popitem(last=False)
    return hits / REQUESTS_PER_DAY
