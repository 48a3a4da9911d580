"""Uploads: begun, taken part by part, abandoned. A part is there when its row is; its blob was written before."""

from __future__ import annotations

from dataclasses import asdict
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.orm import Session

from domain.videos.uploads import Part
from store.videos.records import VIDEO_COLUMNS, NewVideo, Video, to_video

_BEGIN = text(f"""
INSERT INTO videos AS v (id, title_id, owner, content_type, size_bytes, sha256)
VALUES (:id, :title_id, :owner, :content_type, :size_bytes, :sha256) RETURNING {VIDEO_COLUMNS}
""")
_GROW = text("""
UPDATE videos SET uploaded_bytes = uploaded_bytes + :size_bytes, updated_at = now(),
    state = CASE WHEN uploaded_bytes + :size_bytes = size_bytes THEN 'uploaded' ELSE state END
WHERE id = :video_id AND state = 'uploading' AND uploaded_bytes = :start
RETURNING state = 'uploaded'
""")
_ADD_PART = text("""
INSERT INTO video_parts (video_id, start, size_bytes, sha256, path)
VALUES (:video_id, :start, :size_bytes, :sha256, :path)
""")
_PARTS = text("SELECT start, size_bytes, sha256, path FROM video_parts WHERE video_id = :video_id ORDER BY start")
_FORGET_PARTS = text("DELETE FROM video_parts WHERE video_id = :video_id")
_SET_JOB = text("UPDATE videos SET job_id = :job_id WHERE id = :video_id")
_ABANDON = text("""
UPDATE videos SET state = 'abandoned'
WHERE id = :video_id AND state = 'uploading' AND updated_at < now() - make_interval(secs => :age_s) RETURNING id
""")
_DELETE = text("DELETE FROM videos WHERE id = :video_id AND state = 'abandoned'")
_SETTLE = text("""
UPDATE videos v SET error = coalesce(j.error ->> 'message', 'encoding was ' || j.state)
FROM jobs j
WHERE v.id = :video_id AND v.state = 'uploaded' AND j.id = v.job_id AND j.state IN ('failed', 'expired', 'cancelled')
    AND j.finished_at < now() - make_interval(secs => :age_s)
RETURNING v.id
""")


def begin(session: Session, new: NewVideo) -> Video:
    """Write a video of which nothing is uploaded yet."""
    return to_video(session.execute(_BEGIN, asdict(new)).one())


def add_part(session: Session, video_id: UUID, part: Part) -> bool | None:
    """Take a part where the upload stands; tell whether it was the last, ``None``: the upload stands elsewhere.

    In a transaction, with whatever follows from it.
    """
    row = session.execute(_GROW, {"video_id": video_id, "start": part.start, "size_bytes": part.size_bytes}).first()
    if row is None:
        return None
    session.execute(_ADD_PART, {"video_id": video_id, **asdict(part)})
    return bool(row[0])


def set_job(session: Session, video_id: UUID, job_id: UUID) -> None:
    """Say which job encodes a video."""
    session.execute(_SET_JOB, {"video_id": video_id, "job_id": job_id})


def parts(session: Session, video_id: UUID) -> list[Part]:
    """Return the parts of an upload in the file's order."""
    return [
        Part(row.start, row.size_bytes, row.sha256, row.path)
        for row in session.execute(_PARTS, {"video_id": video_id})
    ]


def forget_parts(session: Session, video_id: UUID) -> None:
    """Delete the rows of an upload's parts, whose blobs are deleted."""
    session.execute(_FORGET_PARTS, {"video_id": video_id})


def abandon(session: Session, video_id: UUID, age_s: float) -> bool:
    """Take no more of an upload that nobody has gone on with for ``age_s``; tell whether it was one."""
    return session.execute(_ABANDON, {"video_id": video_id, "age_s": age_s}).first() is not None


def delete_abandoned(session: Session, video_id: UUID) -> None:
    """Delete an upload that was abandoned, once its blobs are."""
    session.execute(_DELETE, {"video_id": video_id})


def settle(session: Session, video_id: UUID, age_s: float) -> bool:
    """Keep why a video's job failed, if that was ``age_s`` ago, before it is forgotten; tell whether it was so."""
    return session.execute(_SETTLE, {"video_id": video_id, "age_s": age_s}).first() is not None
