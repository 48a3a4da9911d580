"""The jobs about videos, for those who submit them: in the transaction of whatever makes them necessary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from domain.cache_refreshes.model import Mode, NewRefresh, Scope
from domain.cache_refreshes.planning import Which
from jobs import cache_refreshes, submit
from jobs.cache_refreshes import Order
from jobs.model import NewJob, Priority
from jobs.schedules import SYSTEM_OWNER
from store import placements, pops
from store.jobs.records import Job

KIND = "videos"
ABANDONED_AFTER = timedelta(days=1)
"""An upload that nobody goes on with for so long is deleted, and so is one whose encoding failed so long ago."""
CROSSING = timedelta(minutes=2)
"""What a POP was just fetching when it was told to drop a video may be kept after that; few fetches take so long."""


def request_encoding(session: Session, video_id: UUID, owner: str, request_id: str | None = None) -> Job:
    """Submit the job that encodes a video and publishes it.

    Raises:
        QueueFullError: too many videos wait already.
    """
    payload: dict[str, object] = {"do": "encode", "video": str(video_id)}
    return submit.submit(session, NewJob(KIND, owner, payload, Priority.BATCH, request_id=request_id)).job


def request_sweep(session: Session, video_id: UUID, delay: timedelta = timedelta(0)) -> Job:
    """Submit the job that deletes what is no longer needed of a video; to do it twice does no harm.

    Raises:
        QueueFullError: too many videos wait already.
    """
    payload: dict[str, object] = {"do": "sweep", "video": str(video_id)}
    run_at = datetime.now(UTC) + delay if delay else None
    return submit.submit(session, NewJob(KIND, SYSTEM_OWNER, payload, run_at=run_at)).job


def follow_publication(session: Session, video_id: UUID) -> None:
    """Submit what follows when a video is served: its upload is deleted, and the edge makes room for it.

    Where a new release goes is the populator's to say. POPs whose window is closed are given it when that opens. In a
    transaction.
    """
    request_sweep(session, video_id)
    cache_refreshes.request_population(session, Which.OPEN, f"video {video_id} was published")


def follow_takedown(session: Session, video_id: UUID, by: str, reason: str) -> None:
    """Submit what follows when a video was taken down: the edge drops it, twice, and its files are deleted.

    A POP that is switched off drops it when it is switched on again. In a transaction.
    """
    request_sweep(session, video_id)
    placements.forget_video(session, video_id)
    names = [pop.name for pop in pops.list_pops(session)]
    if names:
        scope = Scope(tags=(f"video:{video_id}",))
        cache_refreshes.begin(session, NewRefresh(by, reason, Mode.HARD, scope), names)
        again = NewRefresh(by, f"{reason}; again, for what was on its way", Mode.HARD, scope)
        cache_refreshes.begin(session, again, names, Order(run_at=datetime.now(UTC) + CROSSING))
