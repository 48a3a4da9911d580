"""The populator: which renditions each POP is to hold is decided nightly, and what follows from that is begun.

Theory of operation
-------------------
A job reads what is published and how often it was asked for, has ``domain.cache_refreshes.placement`` decide, and
compares what is to be held with what ``edge_objects`` says. What lacks there is written there, whole renditions with
the playlist of their video, and filled by a refresh that waits for the POP's window and keeps to its rate. What is
too much is dropped by a hard refresh, which proves that it is gone and only then deletes its rows. Since the two
sides are compared, and not two decisions, whatever was lost on the way is made good by the next job, and a job that
comes twice finds nothing to do.

All of it is written in the transaction that ends the job, unless somebody else has decided about these POPs since it
read: then nothing is, and what was asked for in words is asked for again. One job writes the rows of some renditions
only, so that the transaction stays short, and leaves the rest to another one.

Views of a region without a POP are views of the regions to whose POPs its viewers are sent, in equal shares; those of
nobody knows where are views of all.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from uuid import UUID

from sqlalchemy.orm import Session

from domain.cache_refreshes import placement as placing
from domain.cache_refreshes.model import Mode, NewRefresh, Scope
from domain.cache_refreshes.placement import Placement, Quality
from domain.cache_refreshes.planning import Which, regions_to_plan
from domain.cache_refreshes.pops import Pop
from domain.videos.playback import nearest_regions
from jobs import cache_refreshes as refreshing
from jobs.cache_refreshes import Order
from jobs.kinds import KINDS
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError
from store import cache_refreshes, edge_objects, placements, pops
from store.cache_refreshes import SYSTEM
from store.edge_objects import EdgeObject
from store.placements import Placed, Plan
from store.videos import popularity
from store.videos.popularity import PublishedRendition, Views
from workers.edge_tools import EdgeTools, SetAwayError, VideoDamagedError

VIEW_DAYS = 14
MAX_OBJECTS = 50_000
"""A job writes the rows of no further rendition once it has so many."""
MAX_DROPS = 2000
"""So many folders are to be dropped at a time; the others wait until POPs have got on with these."""
PAUSE = timedelta(minutes=1)
GIVEN_UP = "it is not placed there any more"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Request:
    """Which regions are planned, by whose wish and why."""

    which: Which
    by: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Known:
    """What the database says.

    ``planned_at`` is of each POP, ``noted`` has the renditions of which ``edge_objects`` has rows, and ``dropping``
    the folders that POPs have been told to drop and may still hold.
    """

    pops: Mapping[str, Pop]
    planned_at: Mapping[str, datetime]
    placed: Sequence[Placed]
    published: Sequence[PublishedRendition]
    views: Sequence[Views]
    noted: Collection[tuple[str, str, str]]
    dropping: Collection[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class _Decision:
    """What changes.

    ``drops`` are folders at POPs, of which ``spared`` more are left for later. ``lacking`` are renditions whose
    objects are noted nowhere yet.
    """

    plans: Sequence[Plan]
    given_up: Collection[Placed]
    placed: Collection[Placed]
    drops: Sequence[tuple[str, str]]
    spared: int
    lacking: Sequence[Placed]


@dataclass(frozen=True, slots=True)
class _Objects:
    """The objects of what is lacking, by POP; ``left`` renditions are for the next job."""

    of_pop: Mapping[str, Sequence[EdgeObject]]
    left: int


@dataclass(frozen=True, slots=True)
class Populator:
    """Decides what POPs are to hold of the videos, and has it carried out."""

    tools: EdgeTools

    def populate(self, payload: Mapping[str, object], context: JobContext) -> Outcome:
        """Do what the payload says: ``which`` regions are planned, ``by`` whose wish, and for what ``reason``.

        Raises:
            TransientJobError: a manifest cannot be read now, or the job has to stop.
            JobFailedError: the payload makes no sense.
        """
        request, now = _to_request(payload), datetime.now(UTC)
        stopped = threading.Event()
        context.on_stop(stopped.set)
        with self.tools.sessions.begin() as session:
            planned_at = placements.made_at(session)
            enabled = pops.enabled_pops(session)
            regions = regions_to_plan(request.which, enabled, planned_at, now)
            if not regions and request.which is not Which.NONE:
                return Outcome({"regions": []})
            known = _read(session, enabled, planned_at, is_planned=bool(regions))
            # Here, by the names of POPs: later, where what lacks is noted, rows would be taken in a wrong order.
            for pop in enabled:
                if pop.region in regions:
                    edge_objects.want_again(session, pop.name)
        decision = _decide(known, regions, request, now)
        is_last_attempt = context.attempt >= KINDS[refreshing.KIND].max_attempts
        objects = self._objects(known, decision.lacking, stopped, is_last_attempt=is_last_attempt)
        result: dict[str, object] = {
            "regions": sorted(regions),
            "placed": len(decision.lacking),
            "given_up": len(decision.given_up),
            "dropped": len(decision.drops),
            "left": objects.left + decision.spared,
        }
        write = partial(_carry_out, known=known, decision=decision, objects=objects, request=request)
        return Outcome(result, effects=(write,))

    def _objects(
        self, known: _Known, lacking: Sequence[Placed], stopped: threading.Event, *, is_last_attempt: bool
    ) -> _Objects:
        """Return the objects of what is lacking, as far as one job goes."""
        revisions = {each.video_id: each.revision for each in known.published}
        objects: dict[UUID, Sequence[EdgeObject]] = {}
        of_pop: dict[str, list[EdgeObject]] = {}
        written = done = 0
        for each in lacking:
            if written >= MAX_OBJECTS:
                break
            if stopped.is_set():
                raise TransientJobError("interrupted")
            if each.video_id not in objects:
                revision = revisions.get(each.video_id)
                found = self._read_objects(each.video_id, revision, may_be_damaged=is_last_attempt)
                objects = {each.video_id: found}
            parts = [it for it in objects[each.video_id] if it.rendition in (each.rendition, None)]
            of_pop.setdefault(each.pop, []).extend(parts)
            written += len(parts)
            done += 1
        return _Objects(of_pop, len(lacking) - done)

    def _read_objects(self, video_id: UUID, revision: str | None, *, may_be_damaged: bool) -> Sequence[EdgeObject]:
        if revision is None:
            return ()
        try:
            return self.tools.video_objects(video_id, revision)
        except SetAwayError as error:
            if may_be_damaged and isinstance(error, VideoDamagedError):
                # One video that cannot be had must not keep all others from POPs, night after night.
                log.error("a video is not filled: %s", error)  # noqa: TRY400 - The traceback says nothing more.
                return ()
            raise TransientJobError(str(error)) from error


def _to_request(payload: Mapping[str, object]) -> _Request:
    try:
        which = Which(str(payload.get("which", Which.OPEN)))
    except ValueError as error:
        raise JobFailedError(f"there is no such work: {payload}") from error
    reason = str(payload.get("reason", "what POPs are to hold of the videos, by the clock"))
    return _Request(which, str(payload.get("by", SYSTEM)), reason)


def _read(
    session: Session, enabled: Sequence[Pop], planned_at: Mapping[str, datetime], *, is_planned: bool
) -> _Known:
    return _Known(
        pops={pop.name: pop for pop in enabled},
        planned_at=planned_at,
        placed=placements.current(session),
        published=popularity.published(session),
        # They are the most of it, and only a plan looks at them.
        views=popularity.views(session, VIEW_DAYS) if is_planned else (),
        noted=edge_objects.renditions(session),
        dropping=cache_refreshes.open_folders(session, GIVEN_UP),
    )


def _decide(known: _Known, regions: Collection[str], request: _Request, now: datetime) -> _Decision:
    planned = [pop for pop in known.pops.values() if pop.region in regions]
    placement = _place(known, planned, now)
    names = {pop.name for pop in planned}
    wanted = {each for each in known.placed if each.pop not in names} | set(_placed(known, placement))
    is_planned = names | known.planned_at.keys()
    followed = {pop for pop in known.pops if pop in is_planned}
    noted = {entry for entry in known.noted if entry[0] in followed}
    to_hold = {_entry(each): each for each in wanted if each.pop in followed}
    before = {each for each in known.placed if each.pop in names}
    after = {each for each in wanted if each.pop in names}
    kept = {_entry(each) for each in after}
    drops = sorted(_drops(noted - to_hold.keys(), to_hold.keys(), known.published) - set(known.dropping))
    room = max(0, MAX_DROPS - len(known.dropping))
    return _Decision(
        plans=_plans(after, placement, request),
        given_up={each for each in before if _entry(each) not in kept},
        placed=after - before,
        drops=drops[:room],
        spared=len(drops[room:]),
        # By videos, so that each manifest is read once.
        lacking=sorted(
            (to_hold[entry] for entry in to_hold.keys() - noted),
            key=lambda each: (each.video_id, each.rendition, each.pop),
        ),
    )


def _place(known: _Known, planned: Sequence[Pop], now: datetime) -> Placement:
    holders: dict[str, tuple[str, ...]] = {}
    for each in known.placed:
        key = _id(each.video_id, each.rendition)
        holders[key] = (*holders.get(key, ()), each.pop)
    return placing.place(
        [placing.Pop(pop.name, pop.region, pop.capacity_bytes) for pop in planned],
        _renditions(known, now),
        now,
        Placement(holders, frozenset(known.planned_at)),
    )


def _renditions(known: _Known, now: datetime) -> list[placing.Rendition]:
    regions = {pop.region for pop in known.pops.values()}
    nearest = {region: nearest_regions(region, regions) for region in {each.region for each in known.views}}
    views: dict[str, dict[str, list[float]]] = {}
    for row in known.views:
        of_rendition = views.setdefault(_id(row.video_id, row.rendition), {})
        for region in nearest[row.region]:
            of_region = of_rendition.setdefault(region, [0.0] * VIEW_DAYS)
            for age_days, count in zip(row.ages_days, row.counts, strict=True):
                of_region[age_days - 1] += count / len(nearest[row.region])
    return [
        placing.Rendition(
            id=_id(each.video_id, each.name),
            quality=Quality.SD if each.name == Quality.SD else Quality.HD,
            size_bytes=each.size_bytes,
            released_at=each.published_at,
            views=_since_release(views.get(_id(each.video_id, each.name), {}), (now - each.published_at).days),
            video=str(each.video_id),
        )
        for each in known.published
    ]


def _since_release(views: Mapping[str, Sequence[float]], age_days: int) -> dict[str, Sequence[float]]:
    """Return the views without the days before the release, which say nothing about those to come."""
    viewed = [place for days in views.values() for place, count in enumerate(days, 1) if count]
    days = min(VIEW_DAYS, max([age_days, *viewed]))
    return {region: found[:days] for region, found in views.items()}


def _placed(known: _Known, placement: Placement) -> list[Placed]:
    return [
        Placed(pop, each.video_id, each.name, each.size_bytes, copy)
        for each in known.published
        for copy, pop in enumerate(placement.holders.get(_id(each.video_id, each.name), ()))
    ]


def _plans(placed: Collection[Placed], placement: Placement, request: _Request) -> list[Plan]:
    sizes: dict[str, list[int]] = {name: [] for name in sorted(placement.pops)}
    for each in placed:
        sizes[each.pop].append(each.size_bytes)
    return [
        Plan(name, len(held), sum(held), placement.hit_ratios.get(name), request.by) for name, held in sizes.items()
    ]


def _drops(
    surplus: Collection[tuple[str, str, str]],
    to_hold: Collection[tuple[str, str, str]],
    published: Sequence[PublishedRendition],
) -> set[tuple[str, str]]:
    """Return the folders to be dropped at POPs: of renditions, or of videos of which nothing stays."""
    revisions = {str(each.video_id): each.revision for each in published}
    staying = {(pop, video) for pop, video, _ in to_hold}
    drops = set()
    for pop, video, rendition in surplus:
        if (pop, video) not in staying:
            drops.add((pop, f"/v/{video}/"))
        elif video in revisions:
            drops.add((pop, _folder(video, revisions[video], rendition)))
    return drops


def _carry_out(session: Session, known: _Known, decision: _Decision, objects: _Objects, request: _Request) -> None:
    alive = placements.lock(session, known.pops)
    planned_at = placements.made_at(session)
    if any(planned_at.get(name) != known.planned_at.get(name) for name in alive):
        log.info("somebody else has decided what POPs are to hold; it is decided again")
        if request.which in (Which.OPEN, Which.ALL):
            refreshing.request_population(session, request.which, request.reason, Order(request.by))
        return
    # Whoever takes a video down has it given up under the same lock, so it is either gone by now, or goes with this.
    served = {str(each.video_id) for each in popularity.published(session)}
    placed = [each for each in decision.placed if each.pop in alive and str(each.video_id) in served]
    plans = [plan for plan in decision.plans if plan.pop in alive]
    placements.change(session, decision.given_up, placed, plans)
    revisions = {each.video_id: each.revision for each in known.published}
    folders = [(each.pop, _folder(str(each.video_id), revisions[each.video_id], each.rendition)) for each in placed]
    cache_refreshes.withdraw(session, GIVEN_UP, folders)
    for name, found in sorted(objects.of_pop.items()):
        # The playlist of them all is of each rendition's.
        of_paths = {each.wanted.path: each for each in found if each.video in served}
        edge_objects.add(session, name, list(of_paths.values()))
    _begin(session, known, [drop for drop in decision.drops if drop[0] in alive], alive, request)
    if objects.left or decision.spared:
        run_at = None if objects.left else datetime.now(UTC) + PAUSE
        refreshing.request_population(session, Which.NONE, request.reason, Order(request.by, run_at=run_at))


def _begin(
    session: Session, known: _Known, drops: Sequence[tuple[str, str]], alive: Collection[str], request: _Request
) -> None:
    """Have POPs drop and fetch; they are told to drop when they may be filled, so that nothing lacks in between."""
    now = datetime.now(UTC)
    for name, folder in drops:
        window = known.pops[name].fill_window
        order = Order(request.by, run_at=None if window is None or window.is_open(now) else window.opens_at(now))
        drop = NewRefresh(request.by, GIVEN_UP, Mode.HARD, Scope(prefix=folder))
        refreshing.begin(session, drop, [name], order)
    fill = NewRefresh(request.by, request.reason, Mode.FILL, Scope(lacking="all"))
    lacking = sorted(edge_objects.lacking_pops(session) & set(alive))
    refreshing.begin_unless_waiting(session, fill, lacking, Order(request.by))


def _folder(video: str, revision: str, rendition: str) -> str:
    return f"/v/{video}/{revision}/{rendition}/"


def _id(video_id: UUID, rendition: str) -> str:
    return f"{video_id}/{rendition}"


def _entry(placed: Placed) -> tuple[str, str, str]:
    return placed.pop, str(placed.video_id), placed.rendition
