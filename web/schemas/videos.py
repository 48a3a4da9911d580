"""What may be said about videos, and how they and their playback are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from domain.videos.uploads import MAX_BYTES

TITLE_PATTERN = "^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$"
REGION_PATTERN = "^[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?$"

ContentType = Literal[
    "video/3gpp", "video/mp2t", "video/mp4", "video/quicktime", "video/webm", "video/x-m4v", "video/x-matroska",
    "video/x-msvideo",
]  # fmt: skip
State = Literal["uploading", "processing", "ready", "failed", "cancelled", "removed", "abandoned"]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class VideoIn(BaseModel):
    """A video that is going to be uploaded."""

    model_config = ConfigDict(extra="forbid", strict=True)

    title: Annotated[str, Field(pattern=TITLE_PATTERN, description="The id of the title that it is of.")]
    size_bytes: Annotated[int, Field(ge=1, le=MAX_BYTES)]
    content_type: ContentType
    sha256: Annotated[
        str | None, Field(pattern="^[0-9a-f]{64}$", description="Of the whole file; what was uploaded is held to it.")
    ] = None


class RemoveQuery(_Query):
    """Why a video is taken down, for the record."""

    reason: Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]+$")] = "taken down"


class VideoListQuery(_Query):
    """Which videos to list, the newest first."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    before: Annotated[UUID | None, Field(description="Only those that are older than this one.")] = None


class RenditionOut(BaseModel):
    """A rendition; ``size_bytes`` of its playlist and segments."""

    name: str
    width: int
    height: int
    video_bps: int
    size_bytes: int


class VideoOut(BaseModel):
    """A video. ``percent`` is how far encoding is. ``error`` says why it failed."""

    id: UUID
    title: str
    owner: str
    state: State
    percent: float | None
    content_type: ContentType
    size_bytes: int
    uploaded_bytes: int
    duration_s: float | None
    revision: str | None
    renditions: list[RenditionOut] | None = Field(None, description="Left out in lists.")
    error: str | None
    job_id: UUID | None
    created_at: datetime
    published_at: datetime | None
    links: dict[str, str]


class VideoPage(BaseModel):
    """One page of a list."""

    videos: list[VideoOut]
    next: str | None


class PlaybackQuery(_Query):
    """Where the viewer is."""

    region: Annotated[
        str | None, Field(pattern=REGION_PATTERN, description="As POPs name theirs; default: the header X-Region.")
    ] = None


class PopOut(BaseModel):
    """The point of presence that was chosen."""

    name: str
    region: str


class PlaybackOut(BaseModel):
    """Where a title can be played, until ``expires_at``.

    ``pop`` null: no point of presence is healthy, and the addresses are paths of this API.
    """

    title: str
    video: UUID
    revision: str
    duration_s: float
    hls_url: str
    mp4_url: str
    expires_at: datetime
    pop: PopOut | None
    renditions: list[RenditionOut]
