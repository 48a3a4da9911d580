"""The tables of videos. Reads and transitions are in the modules beside this one."""

from __future__ import annotations

from datetime import date, datetime
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, DateTime, Double, ForeignKey, Index, text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from store.db import Base

Moment = DateTime(timezone=True)


class VideoRow(Base):
    """A video of a title, from the beginning of its upload on.

    ``state`` is what the video itself knows: ``uploading``; ``uploaded``, while a job encodes it or has failed to;
    ``ready``; ``removed``, which stays as a record; ``abandoned``, just before it is deleted. ``sha256`` is what the
    uploader says of the whole file, if anything. ``revision`` is the pointer: what is served, and nothing without it.
    ``error`` is kept of a job that failed, when that is forgotten.
    """

    __tablename__ = "videos"

    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True)
    title_id: Mapped[str] = mapped_column(TEXT)
    owner: Mapped[str] = mapped_column(TEXT)
    content_type: Mapped[str] = mapped_column(TEXT)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    sha256: Mapped[str | None] = mapped_column(TEXT)
    uploaded_bytes: Mapped[int] = mapped_column(BigInteger, server_default=text("0"))
    state: Mapped[str] = mapped_column(TEXT, server_default=text("'uploading'"))
    # No foreign key: the jobs' retention deletes them whenever it likes.
    job_id: Mapped[UUID | None] = mapped_column(PG_UUID(as_uuid=True))
    revision: Mapped[str | None] = mapped_column(TEXT)
    duration_s: Mapped[float | None] = mapped_column(Double)
    error: Mapped[str | None] = mapped_column(TEXT)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    published_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (
        CheckConstraint("state IN ('uploading', 'uploaded', 'ready', 'removed', 'abandoned')", name="state"),
        CheckConstraint("uploaded_bytes BETWEEN 0 AND size_bytes", name="uploaded"),
        CheckConstraint("(state = 'ready') = (revision IS NOT NULL)", name="revision"),
        CheckConstraint(
            "state IN ('uploading', 'abandoned', 'removed') OR uploaded_bytes = size_bytes", name="whole"
        ),
        Index("videos_title_id_idx", "title_id", "published_at", postgresql_where=text("state = 'ready'")),
    )


class VideoPartRow(Base):
    """A chunk of an upload, kept as a blob at ``path`` until the video is encoded."""

    __tablename__ = "video_parts"

    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    start: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    size_bytes: Mapped[int]
    sha256: Mapped[str] = mapped_column(TEXT)
    path: Mapped[str] = mapped_column(TEXT)


class VideoRenditionRow(Base):
    """A rendition of the revision that is served; ``size_bytes`` is that of its playlist and segments together."""

    __tablename__ = "video_renditions"

    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    name: Mapped[str] = mapped_column(TEXT, primary_key=True)
    width: Mapped[int]
    height: Mapped[int]
    video_bps: Mapped[int]
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    files: Mapped[int]


class VideoViewRow(Base):
    """How often a rendition was asked for on a day (UTC) from a region; what the populator predicts from."""

    __tablename__ = "video_views"

    video_id: Mapped[UUID] = mapped_column(ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True)
    rendition: Mapped[str] = mapped_column(TEXT, primary_key=True)
    day: Mapped[date] = mapped_column(Date, primary_key=True)
    region: Mapped[str] = mapped_column(TEXT, primary_key=True)
    views: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (Index("video_views_day_idx", "day"),)
