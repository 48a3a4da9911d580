"""Videos after their upload: read, published, taken down, and counted when somebody asks for them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.videos.records import VIDEO_COLUMNS, WITH_JOB, Publication, StoredRendition, Video, to_video

_GET = text(f"SELECT {WITH_JOB} WHERE v.id = :video_id")
_LIST = text(
    f"SELECT {WITH_JOB} WHERE (CAST(:before AS uuid) IS NULL OR v.id < :before) ORDER BY v.id DESC LIMIT :limit"
)
_IS_SERVED = text("SELECT 1 FROM videos WHERE id = :video_id AND revision = :revision")
_OF_TITLE = text(f"""
SELECT {VIDEO_COLUMNS} FROM videos v WHERE v.title_id = :title_id AND v.state = 'ready'
ORDER BY v.published_at DESC LIMIT 1
""")
_RENDITIONS = text("""
SELECT name, width, height, video_bps, size_bytes, files FROM video_renditions
WHERE video_id = :video_id ORDER BY size_bytes, name
""")
_PUBLISH = text("""
UPDATE videos SET state = 'ready', revision = :revision, duration_s = :duration_s, error = NULL,
    published_at = now(), updated_at = now()
WHERE id = :video_id AND state = 'uploaded' RETURNING id
""")
_ADD_RENDITION = text("""
INSERT INTO video_renditions (video_id, name, width, height, video_bps, size_bytes, files)
VALUES (:video_id, :name, :width, :height, :video_bps, :size_bytes, :files)
""")
_REMOVE = text(f"""
UPDATE videos v SET state = 'removed', revision = NULL, updated_at = now()
WHERE v.id = :video_id AND v.state NOT IN ('removed', 'abandoned') RETURNING {VIDEO_COLUMNS}
""")
_FORGET_RENDITIONS = text("DELETE FROM video_renditions WHERE video_id = :video_id")
# In the order of the names, so that two who count the same never wait for each other in a circle.
_COUNT = text("""
INSERT INTO video_views (video_id, rendition, day, region, views)
SELECT :video_id, name, (now() AT TIME ZONE 'UTC')::date, :region, 1
FROM unnest(CAST(:renditions AS text[])) AS name ORDER BY name
ON CONFLICT (video_id, rendition, day, region) DO UPDATE SET views = video_views.views + 1
""")


def get(session: Session, video_id: UUID) -> Video | None:
    """Return a video with the state of its job."""
    row = session.execute(_GET, {"video_id": video_id}).first()
    return to_video(row) if row else None


def list_videos(session: Session, limit: int, before: UUID | None = None) -> list[Video]:
    """Return videos, the newest first, older than ``before``."""
    return [to_video(row) for row in session.execute(_LIST, {"limit": limit, "before": before})]


def is_served(session: Session, video_id: UUID, revision: str) -> bool:
    """Tell whether this revision of the video is the one that is served."""
    return session.execute(_IS_SERVED, {"video_id": video_id, "revision": revision}).first() is not None


def of_title(session: Session, title_id: str) -> Video | None:
    """Return the video of a title that is served, which is the one that was published last."""
    row = session.execute(_OF_TITLE, {"title_id": title_id}).first()
    return to_video(row) if row else None


def renditions(session: Session, video_id: UUID) -> list[StoredRendition]:
    """Return the renditions of what is served, the smallest first."""
    return [StoredRendition(*row) for row in session.execute(_RENDITIONS, {"video_id": video_id})]


def publish(session: Session, video_id: UUID, publication: Publication) -> bool:
    """Serve a revision from now on; ``False``: the video was taken down, or is served already."""
    values = {"video_id": video_id, "revision": publication.revision, "duration_s": publication.duration_s}
    if session.execute(_PUBLISH, values).first() is None:
        return False
    for each in publication.renditions:
        session.execute(_ADD_RENDITION, {"video_id": video_id, **asdict(each)})
    return True


def remove(session: Session, video_id: UUID) -> Video | None:
    """Serve a video no more, for ever; return it as it is now, ``None``: there is none, or it was removed before."""
    row = session.execute(_REMOVE, {"video_id": video_id}).first()
    if row is None:
        return None
    session.execute(_FORGET_RENDITIONS, {"video_id": video_id})
    return to_video(row)


def count_view(session: Session, video_id: UUID, names: Iterable[str], region: str) -> None:
    """Count one more who asked for these renditions today, in ``region`` (``""``: unknown)."""
    session.execute(_COUNT, {"video_id": video_id, "renditions": list(names), "region": region})
