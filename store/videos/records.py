"""What reads of videos give back: plain records, detached from any session."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from uuid import UUID

_FAILED = {"failed": "failed", "expired": "failed", "cancelled": "cancelled"}


@dataclass(frozen=True, slots=True)
class Video:
    """A row of ``videos`` as it was read, and the state of its job; ``VideoRow`` says what its fields mean."""

    id: UUID
    title_id: str
    owner: str
    content_type: str
    size_bytes: int
    sha256: str | None
    uploaded_bytes: int
    state: str
    job_id: UUID | None
    revision: str | None
    duration_s: float | None
    error: str | None
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None
    job_state: str | None = None
    job_error: Mapping[str, object] | None = None
    job_progress: Mapping[str, object] | None = None

    @property
    def shown_state(self) -> str:
        """Return the state as people see it: what has become of an upload is its job's to say, while it is known."""
        if self.state != "uploaded":
            return self.state
        if self.job_state is None or self.job_state == "succeeded":
            return "failed"
        return _FAILED.get(self.job_state, "processing")

    @property
    def shown_error(self) -> str | None:
        """Return why it failed, in the words for its uploader."""
        if self.shown_state != "failed":
            return None
        message = (self.job_error or {}).get("message")
        return str(message) if message else self.error or "encoding failed"

    @property
    def percent(self) -> float | None:
        """Return how far encoding is; ``None`` before and after it."""
        percent = (self.job_progress or {}).get("percent")
        return float(percent) if isinstance(percent, int | float) and self.shown_state == "processing" else None


@dataclass(frozen=True, slots=True)
class StoredRendition:
    """A row of ``video_renditions``."""

    name: str
    width: int
    height: int
    video_bps: int
    size_bytes: int
    files: int


@dataclass(frozen=True, slots=True)
class NewVideo:
    """What is written when an upload begins."""

    id: UUID
    title_id: str
    owner: str
    content_type: str
    size_bytes: int
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Publication:
    """What is written when a video was encoded and all its files are in the blob store."""

    revision: str
    duration_s: float
    renditions: tuple[StoredRendition, ...]


OWN_FIELDS = tuple(
    field.name for field in fields(Video) if not field.name.startswith("job_") or field.name == "job_id"
)
VIDEO_COLUMNS = ", ".join(f"v.{name}" for name in OWN_FIELDS)
WITH_JOB = f"{VIDEO_COLUMNS}, j.state, j.error, j.progress FROM videos v LEFT JOIN jobs j ON j.id = v.job_id"


def to_video(row: Sequence[object]) -> Video:
    """Build a video from a row of ``VIDEO_COLUMNS``, perhaps with its job's."""
    return Video(*row)  # type: ignore[arg-type]  # The columns are of the fields' types.
