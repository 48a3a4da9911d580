"""Where a viewer is sent for a video, and what is counted of that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from random import Random
from uuid import UUID

from sqlalchemy.orm import Session

from domain.cache_refreshes import placement as placing
from domain.cache_refreshes.pops import Pop, PopHealth
from domain.cache_refreshes.viewing import reasons_at, viewing_order
from domain.videos.playback import Site, choose_site, counted_region, nearest_regions
from store import placements, playbacks, pops
from store.playbacks import Playback


def send_viewer(
    session: Session, video_id: UUID, renditions: Sequence[str], region: str, now: datetime
) -> tuple[Site | None, str]:
    """Return the healthy POP that a viewer is sent to, ``None``: there is none, and the region that they count for.

    Whether the POP holds the video is counted; without a healthy one at the POP that it would have been.
    """
    known, health = pops.enabled_pops(session), pops.health(session)
    if not known:
        return None, ""
    regions = {pop.region for pop in known}
    placed = placements.of_video(session, video_id)
    sites = [_site(pop, health.get(pop.name, PopHealth()), now) for pop in known]
    servers = [placing.Pop(pop.name, pop.region, pop.capacity_bytes) for pop in known]
    order = viewing_order(str(video_id), servers, placed.values(), Random())  # noqa: S311 - It shares out viewers.
    site = choose_site(sites, region, order)
    near, counted = nearest_regions(region, regions), counted_region(region, regions)
    in_region = {pop.name for pop in known if pop.region in near}
    meant = site.name if site else next(name for name in order if name in in_region)
    holders = {name: placed.get(name, set()) & in_region for name in renditions}
    healthy = {each.name for each in sites if each.is_healthy}
    reasons = reasons_at(meant, holders, healthy)
    playbacks.count(session, Playback(meant, site is not None, counted, video_id, reasons))
    return site, counted


def _site(pop: Pop, health: PopHealth, now: datetime) -> Site:
    return Site(pop.name, pop.region, pop.url, is_healthy=health.is_healthy(now))
