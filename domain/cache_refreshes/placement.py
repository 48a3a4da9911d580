"""The populator's brain: which renditions each point of presence (POP) should hold, and how often that helps.

After Netflix's Open Connect ("Content Popularity for Open Connect", "Netflix and Fill", 2016 to 2020): popularity is
predicted for each file from the views of the last days, files are ranked by views per byte, and placed until the POPs
are full. Each region is a world of its own: its viewers make its popularity, and its POPs share its renditions.

*In which order.* Every copy that could be made has a rank, and copies are placed in the order of their ranks wherever
there is room; smaller ones may still fit where a larger one did not. Newly released titles come first, as the last
days say nothing of them, but only up to a share of the room. Then follow the most viewed per byte. When most of the
room is promised, HD waits for all SD: that serves more titles. Copies beyond the first are worth far less than the
first: they serve nobody who would not be served, but share the load and outlive a dead POP.

*Where.* Weighted rendezvous hashing (Thaler and Ravishankar 1998; Schindler's weights) gives every video its own
order of the POPs, in which larger ones stand in front more often. A POP that joins is put into these orders and
changes nothing else; one that leaves is taken out of them. The renditions of a video share its order, because a
viewer is sent to one POP for all of them.

*Stability.* A copy that was placed last time counts for more and may claim a larger share, so a newcomer must be
better by a margin; and it stays where it is, unless a POP that is new stands in front. With the same input the same
is placed again: whatever was placed moves up, if at all, and what was not moves down, so that it finds no more room
than it found before. For that, the shares are measured without a look at what was placed last time.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum, StrEnum
from hashlib import blake2b
from typing import NamedTuple


class Quality(StrEnum):
    """A rendition's class; where room is short, SD goes first."""

    SD = "sd"
    HD = "hd"


class MissReason(StrEnum):
    """Why a viewer's request was not served from the edge."""

    NOT_PLACED = "not_placed"
    NOT_FILLED = "not_filled"
    POP_DOWN = "pop_down"


@dataclass(frozen=True, slots=True)
class Pop:
    """A POP, and how many bytes of renditions it may hold."""

    name: str
    region: str
    capacity_bytes: int


@dataclass(frozen=True, slots=True)
class Rendition:
    """A rendition: all segments of one video in one quality, which are placed together or not at all.

    ``views`` has the views of each of the last days by region, yesterday's first. ``released_at`` may lie ahead.
    ``video`` is what viewers are sent somewhere for; where it is empty, the rendition is all of its video.
    """

    id: str
    quality: Quality
    size_bytes: int
    released_at: datetime
    views: Mapping[str, Sequence[float]]
    video: str = ""

    @property
    def title(self) -> str:
        """Return what decides in which order POPs are preferred."""
        return self.video or self.id


@dataclass(frozen=True, slots=True)
class PlacementRules:
    """How to weigh.

    ``half_life_days``: a day's views count half as much as those of a day so many days later.
    ``new_days``: how long a title is new after its release; as long before it, it is placed already.
    ``new_share``: which part of a region's room new titles may claim ahead of all others.
    ``head_share``: which part the most viewed may claim, in HD too; beyond it, HD waits for SD.
    ``margin``: by how much a newcomer must be better than what it displaces.
    ``further_copy_worth``: what one more copy is worth, compared to the one before.
    """

    half_life_days: float = 3.0
    new_days: float = 2.0
    new_share: float = 0.25
    head_share: float = 0.8
    margin: float = 0.2
    further_copy_worth: float = 0.05


@dataclass(frozen=True, slots=True)
class Placement:
    """What every POP should hold.

    ``holders`` has the POPs of each placed rendition, of all regions. ``pops`` are those that it was made for.
    ``hit_ratios`` has the predicted share of the requests at each POP which it can serve, from 0 to 1: if viewers are
    sent to the POPs that hold most of what they want, evenly, and for what none holds to ``preferred_pops``' first.
    Where no views foretell any request, the POP is left out.
    """

    holders: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pops: frozenset[str] = frozenset()
    hit_ratios: Mapping[str, float] = field(default_factory=dict)

    def held_by(self, pop: str) -> set[str]:
        """Return the ids of the renditions that a POP should hold."""
        return {rendition_id for rendition_id, names in self.holders.items() if pop in names}


NOTHING_PLACED = Placement()


class _Tier(IntEnum):
    NEW = 0
    VIEWED = 1
    WAITING = 2


class _Wish(NamedTuple):
    """A copy that could be made; the smallest is placed first. ``copy`` counts from 0."""

    tier: _Tier
    negative_worth: float
    rendition_id: str
    copy: int


def place(
    pops: Iterable[Pop],
    renditions: Sequence[Rendition],
    now: datetime,
    previous: Placement = NOTHING_PLACED,
    rules: PlacementRules = PlacementRules(),
) -> Placement:
    """Say which POP should hold which renditions; the order in which they are given changes nothing."""
    by_region: dict[str, list[Pop]] = {}
    for pop in sorted(pops, key=lambda pop: pop.name):
        by_region.setdefault(pop.region, []).append(pop)
    holders: dict[str, tuple[str, ...]] = {}
    hit_ratios: dict[str, float] = {}
    for region, servers in sorted(by_region.items()):
        ranking = _Ranking(renditions, region, now, rules)
        room = _Room(servers, renditions, previous)
        placed = room.place(ranking.wishes(room.capacity_bytes, len(servers), room.incumbents))
        for rendition_id, names in placed.items():
            holders[rendition_id] = (*holders.get(rendition_id, ()), *names)
        hit_ratios |= _hit_ratios(servers, placed, renditions, ranking.views)
    names_of_pops = frozenset(pop.name for servers in by_region.values() for pop in servers)
    return Placement(holders, names_of_pops, hit_ratios)


def preferred_pops(title: str, pops: Iterable[Pop]) -> list[str]:
    """Return the names of ``pops`` in a title's own order; those without any capacity come last."""
    return [pop.name for pop in sorted(pops, key=lambda pop: (_distance(title, pop), pop.name))]


def miss_reason(holders: Collection[str], pops_that_answer: Collection[str]) -> MissReason:
    """Say why a request missed, by the POPs of the viewer's region that should hold what was asked for."""
    if not holders:
        return MissReason.NOT_PLACED
    if not any(name in pops_that_answer for name in holders):
        return MissReason.POP_DOWN
    return MissReason.NOT_FILLED


class _Ranking:
    """Who goes first in a region."""

    def __init__(self, renditions: Sequence[Rendition], region: str, now: datetime, rules: PlacementRules) -> None:
        self._rules = rules
        self.views = {each.id: _predicted(each.views.get(region, ()), rules.half_life_days) for each in renditions}
        self._worth = {each.id: self.views[each.id] / max(each.size_bytes, 1) for each in renditions}
        self._ranked = sorted(renditions, key=lambda each: (-self._worth[each.id], each.id))
        new = [each for each in self._ranked if abs(now - each.released_at) < timedelta(days=rules.new_days)]
        self._new = sorted(new, key=lambda each: each.quality is Quality.HD)

    def wishes(self, room_bytes: int, copies: int, incumbents: Mapping[str, Sequence[str]]) -> list[_Wish]:
        """Return the wishes for up to ``copies`` copies of everything that is worth something, best first."""
        tiers = self._tiers(room_bytes)
        lasting_tiers = self._tiers(room_bytes * (1 + self._rules.margin))
        wishes = []
        for rendition in self._ranked:
            worth = self._worth[rendition.id]
            for copy in range(copies):
                is_incumbent = copy < len(incumbents.get(rendition.id, ()))
                tier = (lasting_tiers if is_incumbent else tiers)[rendition.id]
                if copy:
                    worth *= self._rules.further_copy_worth
                    tier = _Tier.VIEWED if rendition.quality is Quality.SD else _Tier.WAITING
                if worth or tier is _Tier.NEW:
                    bonus = 1 + self._rules.margin if is_incumbent else 1
                    wishes.append(_Wish(tier, -worth * bonus, rendition.id, copy))
        return sorted(wishes)

    def _tiers(self, room_bytes: float) -> dict[str, _Tier]:
        new = _first(self._new, self._rules.new_share * room_bytes)
        head = _first(self._ranked, self._rules.head_share * room_bytes)

        def tier(rendition: Rendition) -> _Tier:
            if rendition.id in new:
                return _Tier.NEW
            is_waiting = rendition.quality is Quality.HD and rendition.id not in head
            return _Tier.WAITING if is_waiting else _Tier.VIEWED

        return {rendition.id: tier(rendition) for rendition in self._ranked}


def _predicted(views: Sequence[float], half_life_days: float) -> float:
    """Return the views of a day to come: a mean of the last days in which younger ones weigh more."""
    weights = [0.5 ** (age / half_life_days) for age in range(len(views))]
    return sum(map(math.prod, zip(weights, views, strict=True))) / sum(weights) if views else 0.0


def _first(ranked: Iterable[Rendition], room_bytes: float) -> set[str]:
    """Return the first of ``ranked``, as many as have room together."""
    first = set()
    for rendition in ranked:
        room_bytes -= rendition.size_bytes
        if room_bytes < 0:
            break
        first.add(rendition.id)
    return first


class _Room:
    """What is left of a region's POPs while they are filled."""

    def __init__(self, servers: Sequence[Pop], renditions: Sequence[Rendition], previous: Placement) -> None:
        self._servers = servers
        self._free_bytes = {pop.name: pop.capacity_bytes for pop in servers}
        self._size_bytes = {rendition.id: rendition.size_bytes for rendition in renditions}
        self._titles = {rendition.id: rendition.title for rendition in renditions}
        self._newcomers = self._free_bytes.keys() - previous.pops
        self.capacity_bytes = sum(self._free_bytes.values())
        self.incumbents = {
            rendition_id: [name for name in names if name in self._free_bytes]
            for rendition_id, names in previous.holders.items()
        }

    def place(self, wishes: Iterable[_Wish]) -> dict[str, tuple[str, ...]]:
        """Grant the wishes for which there is room, in their order; return the POPs of each rendition."""
        placed: dict[str, tuple[str, ...]] = {}
        orders: dict[str, list[str]] = {}
        for wish in wishes:
            rendition_id, size_bytes = wish.rendition_id, self._size_bytes[wish.rendition_id]
            if max(self._free_bytes.values()) < size_bytes:
                continue
            if rendition_id not in orders:
                orders[rendition_id] = self._order(rendition_id)
            holders = placed.get(rendition_id, ())
            free = (name for name in orders[rendition_id] if self._free_bytes[name] >= size_bytes)
            home = next((name for name in free if name not in holders), None)
            if home is not None:
                self._free_bytes[home] -= size_bytes
                placed[rendition_id] = (*holders, home)
        return placed

    def _order(self, rendition_id: str) -> list[str]:
        """Return the POPs by preference: where it is stands in front of all that could have had it already."""
        preferred = preferred_pops(self._titles[rendition_id], self._servers)
        before = self.incumbents.get(rendition_id)
        if not before:
            return preferred
        first = min(map(preferred.index, before))
        ahead = [name for name in preferred[:first] if name in self._newcomers]
        return [*ahead, *before, *(name for name in preferred if name not in ahead and name not in before)]


def _distance(title: str, pop: Pop) -> float:
    """Return how far a POP is from a title: an exponential variate whose rate is the POP's capacity."""
    digest = blake2b(f"{title}\0{pop.name}".encode(), digest_size=8).digest()
    uniform = (int.from_bytes(digest) + 1) / (2**64 + 1)
    return -math.log(uniform) / pop.capacity_bytes if pop.capacity_bytes > 0 else math.inf


def _hit_ratios(
    servers: Sequence[Pop],
    placed: Mapping[str, tuple[str, ...]],
    renditions: Iterable[Rendition],
    views: Mapping[str, float],
) -> dict[str, float]:
    of_title: dict[str, list[str]] = {}
    for rendition in renditions:
        of_title.setdefault(rendition.title, []).append(rendition.id)
    hits = dict.fromkeys((pop.name for pop in servers), 0.0)
    misses = dict(hits)
    for title, ids in sorted(of_title.items()):
        if not any(views[rendition_id] for rendition_id in ids):
            continue
        goals = _goals(title, servers, [placed.get(rendition_id, ()) for rendition_id in ids])
        for rendition_id in sorted(ids):
            for name in goals:
                counted = hits if name in placed.get(rendition_id, ()) else misses
                counted[name] += views[rendition_id] / len(goals)
    asked = {name: hits[name] + misses[name] for name in hits}
    return {name: hits[name] / count for name, count in asked.items() if count}


def _goals(title: str, servers: Sequence[Pop], holders: Iterable[Sequence[str]]) -> list[str]:
    """Return the POPs among which a title's viewers are shared."""
    held = Counter(name for names in holders for name in names)
    if not held:
        return preferred_pops(title, servers)[:1]
    return [name for name in sorted(held) if held[name] == max(held.values())]
