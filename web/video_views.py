"""A video as JSON."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Response

from store.videos.records import StoredRendition, Video
from web.job_views import json_response, show_moment


def video_response(video: Video, renditions: Sequence[StoredRendition], status: int = 200) -> Response:
    """Answer with one video."""
    response = json_response(show_video(video) | {"renditions": show_renditions(renditions)}, status)
    response.headers["Cache-Control"] = "private, no-cache"
    return response


def show_video(video: Video) -> dict[str, object]:
    """Return a video's JSON, in the shape of ``web.schemas.videos.VideoOut``."""
    return {
        "id": str(video.id),
        "title": video.title_id,
        "owner": video.owner,
        "state": video.shown_state,
        "percent": video.percent,
        "content_type": video.content_type,
        "size_bytes": video.size_bytes,
        "uploaded_bytes": video.uploaded_bytes,
        "duration_s": video.duration_s,
        "revision": video.revision,
        "error": video.shown_error,
        "job_id": None if video.job_id is None else str(video.job_id),
        "created_at": show_moment(video.created_at),
        "published_at": show_moment(video.published_at),
        "links": _links(video),
    }


def show_renditions(renditions: Sequence[StoredRendition]) -> list[dict[str, object]]:
    """Return renditions as JSON."""
    names = ("name", "width", "height", "video_bps", "size_bytes")
    return [{name: getattr(each, name) for name in names} for each in renditions]


def _links(video: Video) -> dict[str, str]:
    links = {"self": f"/v1/videos/{video.id}"}
    if video.state == "uploading":
        links["upload"] = f"/v1/videos/{video.id}/upload"
    return links if video.job_id is None else links | {"job": f"/v1/jobs/{video.job_id}"}
