"""Where a viewer is sent, and for how long."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from domain.videos.tokens import MAX_LIFE_S

ROUND_S = 300
MARGIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class Site:
    """A point of presence: its region, whose parts are joined with hyphens from large to small, and how it does.

    Viewers may be sent to one that ``is_healthy``.
    """

    name: str
    region: str
    url: str
    is_healthy: bool


def choose_site(sites: Iterable[Site], region: str, order: Sequence[str]) -> Site | None:
    """Return the healthy site that is nearest to ``region``; ``None``: there is none.

    ``order`` has the names of the sites, the best for what is to be played first: it decides between those that are
    as near.
    """
    healthy = [site for site in sites if site.is_healthy]
    nearest = nearest_regions(region, {site.region for site in healthy})
    ranks = {name: rank for rank, name in enumerate(order)}
    near = [site for site in healthy if site.region in nearest]
    return min(near, key=lambda site: (ranks.get(site.name, len(ranks)), site.name), default=None)


def nearest_regions(region: str, regions: Collection[str]) -> set[str]:
    """Return those of ``regions`` that are nearest to ``region``, which are several where nothing tells them apart.

    Near is who has more of the region's name in common: for ``eu-west`` first ``eu-west``, then ``eu-north``.
    """
    most = max((_in_common(each, region) for each in regions), default=0)
    return {each for each in regions if _in_common(each, region) == most}


def counted_region(region: str, regions: Collection[str]) -> str:
    """Return for which region a viewer counts: as much of theirs as tells ``regions``, those of POPs, apart.

    It has the same ``nearest_regions``. Viewers say themselves where they are, and must not be able to have a row
    counted for every name that they think of.
    """
    most = max((_in_common(each, region) for each in regions), default=0)
    return "-".join(region.split("-")[:most])


def expiry(duration_s: float, now: float) -> int:
    """Return when a token ends that is given out now: late enough to see the video to its end with some pauses.

    The same for all who ask within five minutes, so that a point of presence has to ask about few tokens.
    """
    life_s = min(MAX_LIFE_S - ROUND_S, 2 * duration_s + MARGIN_S)
    return ROUND_S * (int(now + life_s) // ROUND_S + 1)


def _in_common(one: str, other: str) -> int:
    parts = zip(one.split("-"), other.split("-"), strict=False)
    return next((place for place, (a, b) in enumerate(parts) if a != b), min(one.count("-"), other.count("-")) + 1)
