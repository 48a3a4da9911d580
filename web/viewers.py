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
from domain.videos.playback import Site, choose_site, nearest_regions
from store import placements, playbacks, pops
from store.playbacks import Playback


def send_viewer(
    session: Session, video_id: UUID, renditions: Sequence[str], region: str, now: datetime
) -> Site | None:
    """Return the healthy POP that a viewer is sent to, ``None``: there is none; count whether it holds the video.

    Without a healthy one it counts at the POP that it would have been.
    """
    known, health = pops.enabled_pops(session), pops.health(session)
    if not known:
        return None
    placed = placements.of_video(session, video_id)
    sites = [_site(pop, health.get(pop.name, PopHealth()), now) for pop in known]
    servers = [placing.Pop(pop.name, pop.region, pop.capacity_bytes) for pop in known]
    order = viewing_order(str(video_id), servers, placed.values(), Random())  # noqa: S311 - It shares out viewers.
    site = choose_site(sites, region, order)
    near = nearest_regions(region, {pop.region for pop in known})
    in_region = {pop.name for pop in known if pop.region in near}
    meant = site.name if site else next(name for name in order if name in in_region)
    holders = {name: placed.get(name, set()) & in_region for name in renditions}
    healthy = {each.name for each in sites if each.is_healthy}
    reasons = reasons_at(meant, holders, healthy)
    playbacks.count(session, Playback(meant, site is not None, region, video_id, reasons))
    return site


def _site(pop: Pop, health: PopHealth, now: datetime) -> Site:
    return Site(pop.name, pop.region, pop.url, is_healthy=health.is_healthy(now))
