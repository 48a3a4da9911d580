"""The jobs about videos, for those who submit them: in the transaction of whatever makes them necessary."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from jobs import submit
from jobs.model import NewJob, Priority
from jobs.schedules import SYSTEM_OWNER
from store.jobs.records import Job

KIND = "videos"
ABANDONED_AFTER = timedelta(days=1)
"""An upload that nobody goes on with for so long is deleted, and so is one whose encoding failed so long ago."""


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
    """Submit what follows when another revision of a video is served: its upload is deleted."""
    request_sweep(session, video_id)


def follow_takedown(session: Session, video_id: UUID) -> None:
    """Submit what follows when a video was taken down: its objects are deleted."""
    request_sweep(session, video_id)
