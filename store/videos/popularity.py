"""What the populator predicts from: what is published, and how often it was asked for on each of the last days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

KEEP_DAYS = 90


@dataclass(frozen=True, slots=True)
class PublishedRendition:
    """A rendition of a title's video: of the one that was published last, which is the one that is played."""

    video_id: UUID
    revision: str
    name: str
    size_bytes: int
    published_at: datetime


@dataclass(frozen=True, slots=True)
class Views:
    """How often a rendition was asked for from a region: so many days ago (1: yesterday) so many times."""

    video_id: UUID
    rendition: str
    region: str
    ages_days: Sequence[int]
    counts: Sequence[int]


_PUBLISHED = text("""
SELECT v.id, v.revision, r.name, r.size_bytes, v.published_at
FROM (SELECT DISTINCT ON (title_id) id, revision, published_at FROM videos WHERE state = 'ready'
    ORDER BY title_id, published_at DESC) AS v
JOIN video_renditions r ON r.video_id = v.id ORDER BY v.id, r.name
""")
# One row for all days, as there are millions of single ones.
_VIEWS = text("""
SELECT video_id, rendition, region, array_agg((now() AT TIME ZONE 'UTC')::date - day), array_agg(views)
FROM video_views
WHERE day < (now() AT TIME ZONE 'UTC')::date AND day >= (now() AT TIME ZONE 'UTC')::date - CAST(:days AS int)
GROUP BY video_id, rendition, region
""")
_PRUNE = text(f"DELETE FROM video_views WHERE day < (now() AT TIME ZONE 'UTC')::date - {KEEP_DAYS}")


def published(session: Session) -> list[PublishedRendition]:
    """Return every rendition that viewers may be sent to."""
    return [PublishedRendition(*row) for row in session.execute(_PUBLISHED)]


def views(session: Session, days: int) -> list[Views]:
    """Return the views of the last ``days`` before today (UTC), where there were any."""
    return [Views(*row) for row in session.execute(_VIEWS, {"days": days})]


def prune(session: Session) -> None:
    """Forget the views of days that are long over."""
    session.execute(_PRUNE)
