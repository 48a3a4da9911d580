"""Videos: uploaded in chunks, read, and taken down. All of it is an administrator's."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request
from uuid_utils.compat import uuid7
from werkzeug.exceptions import RequestEntityTooLarge, UnsupportedMediaType

from domain.videos.uploads import FOLDER, MAX_CHUNK_BYTES, ChunkError, Part, check_chunk
from jobs import submit
from jobs.videos import ABANDONED_AFTER, follow_takedown, request_encoding, request_sweep
from store.videos import uploads, videos
from store.videos.records import NewVideo, Video
from web import guards
from web.answers import answers, header_parameter, headers, json_of, problems
from web.content_views import has_item
from web.job_views import json_response
from web.platform import platform
from web.problems import (
    FieldError,
    InvalidFieldsError,
    MalformedBodyError,
    MalformedHeaderError,
    NotFoundError,
    UploadConflictError,
)
from web.request_ids import request_id
from web.schemas.videos import RemoveQuery, VideoIn, VideoListQuery, VideoOut, VideoPage
from web.video_views import show_video, video_response

CHUNK_TYPE = "application/offset+octet-stream"
OFFSET = "Upload-Offset"
LENGTH = "Upload-Length"
blueprint = APIBlueprint("videos", __name__, url_prefix="/v1/videos", tag="Videos")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_admin)

_OFFSET_HEADERS = {
    "headers": headers(Upload_Offset="How many bytes are there.", Upload_Length="How many there will be.")
}


@blueprint.before_request
def allow_chunks() -> None:
    """Bound a chunk by its own size; it is set before anything reads the body."""
    if request.endpoint == "videos.upload_chunk":
        request.max_content_length = MAX_CHUNK_BYTES


@blueprint.post("")
@blueprint.input(VideoIn, arg_name="body")
@blueprint.output(VideoOut, 201, description="The video; links.upload takes its chunks.")
@blueprint.doc(
    operation_id="createVideo",
    responses=answers({201: json_of("VideoOut", "The video; links.upload takes its chunks.", Location="The video.")},
                      problems(400, 403, 413, 415, 422)),
)  # fmt: skip
def create_video(body: VideoIn) -> Response:
    """Begin the upload of a video.

    It is encoded when the last byte is there. An upload that nobody goes on with for a day is deleted. Its title must
    be one of those that are served.
    """
    _refuse_unknown_title(body.title)
    new = NewVideo(
        uuid7(), body.title, guards.caller().owner, body.content_type, body.size_bytes, body.sha256
    )  # fmt: skip
    with platform().transactions() as session:
        video = uploads.begin(session, new)
        request_sweep(session, video.id, ABANDONED_AFTER)
    response = video_response(video, [], 201)
    response.headers["Location"] = f"/v1/videos/{video.id}"
    response.headers[OFFSET] = "0"
    return response


@blueprint.route("/<uuid:video_id>/upload", methods=["HEAD"])
@blueprint.doc(hide=True)
def head_upload(video_id: UUID) -> Response:
    """Tell where an upload stands."""
    return _offset_response(_read(video_id), 200)


@blueprint.patch("/<uuid:video_id>/upload")
@blueprint.doc(
    operation_id="uploadChunk",
    responses=answers({204: {"description": "The chunk was taken.", **_OFFSET_HEADERS}},
                      problems(400, 403, 404, 409, 413, 415, 422)),
    extensions={"x-parameters": [header_parameter(OFFSET, "Where the chunk begins.", pattern="^[0-9]{1,15}$")],
                "x-body": CHUNK_TYPE},
)  # fmt: skip
def upload_chunk(video_id: UUID) -> Response:
    """Take the next chunk, of 8 MiB at most.

    `Upload-Offset` says where it begins. 409 tells in `Upload-Offset` where the upload stands; go on from there. A
    chunk that was cut off on its way is not taken.
    """
    offset = _offset()
    if request.mimetype != CHUNK_TYPE:
        raise UnsupportedMediaType(f"send chunks as Content-Type: {CHUNK_TYPE}")
    video = _read(video_id)
    _refuse_other_offset(video, offset)
    _take(video, offset, _content())
    return _offset_response(_read(video_id), 204)


@blueprint.get("")
@blueprint.input(VideoListQuery, location="query", arg_name="query")
@blueprint.output(VideoPage, description="One page.")
@blueprint.doc(operation_id="listVideos", responses=answers(problems(403, 422)))
def list_videos(query: VideoListQuery) -> Response:
    """List videos, the newest first."""
    with platform().sessions() as session:
        found = videos.list_videos(session, query.limit + 1, query.before)
    page = found[: query.limit]
    following = f"/v1/videos?limit={query.limit}&before={page[-1].id}" if len(found) > query.limit else None
    return json_response({"videos": [show_video(video) for video in page], "next": following})


@blueprint.get("/<uuid:video_id>")
@blueprint.output(VideoOut, description="The video.")
@blueprint.doc(operation_id="getVideo", responses=answers(problems(403, 404)))
def get_video(video_id: UUID) -> Response:
    """Read a video: how far its upload and its encoding are, and why it failed."""
    return _show(_read(video_id))


@blueprint.delete("/<uuid:video_id>")
@blueprint.input(RemoveQuery, location="query", arg_name="query")
@blueprint.output(VideoOut, description="The video, which nobody is served any more.")
@blueprint.doc(operation_id="removeVideo", responses=answers(problems(403, 404, 422)))
def remove_video(video_id: UUID, query: RemoveQuery) -> Response:
    """Take a video down, for ever.

    It is not served from the answer on; the edge is purged and all files are deleted by jobs. Encoding is cancelled.
    """
    video = _read(video_id)
    with platform().transactions() as session:
        removed = videos.remove(session, video_id)
        if removed is not None:
            follow_takedown(session, video_id, guards.caller().owner, query.reason)
    if removed is not None and removed.job_id is not None:
        with suppress(submit.JobNotFoundError, submit.JobStateError), platform().sessions() as session:
            submit.cancel(session, removed.job_id)
    return _show(_read(video.id))


def _refuse_unknown_title(title: str) -> None:
    if not has_item(platform().titles, title):
        detail = "is no title that is served: GET /v1/titles lists them; publish it first"
        raise InvalidFieldsError(
            f"there is no title {title!r} in the catalogue", errors=[FieldError("pointer", "/title", detail)]
        )


def _read(video_id: UUID) -> Video:
    with platform().sessions() as session:
        video = videos.get(session, video_id)
    if video is None:
        raise NotFoundError(f"there is no video {video_id}")
    return video


def _show(video: Video) -> Response:
    with platform().sessions() as session:
        renditions = videos.renditions(session, video.id)
    return video_response(video, renditions)


def _offset() -> int:
    given = request.headers.get(OFFSET, "")
    if not given.isascii() or not given.isdigit() or len(given) > 15:
        raise MalformedHeaderError(
            "say where the chunk begins", errors=[FieldError("header", OFFSET, "must be a whole number of bytes")]
        )
    return int(given)


def _content() -> bytes:
    content = request.get_data(cache=False)
    # A body without a declared length is cut at the bound without a word; at the bound means beyond it.
    if request.content_length is None and len(content) == MAX_CHUNK_BYTES:
        raise RequestEntityTooLarge
    # Where the connection broke, gunicorn tells only by the end of the body.
    if request.content_length is not None and request.content_length != len(content):
        raise MalformedBodyError("the chunk was cut off")
    return content


def _refuse_other_offset(video: Video, offset: int) -> None:
    if video.state == "uploading" and video.uploaded_bytes == offset:
        return
    stands = f"the upload stands at byte {video.uploaded_bytes} of {video.size_bytes}"
    detail = stands if video.state == "uploading" else f"{stands} and takes no more: the video is {video.shown_state}"
    raise UploadConflictError(detail, headers=_offset_headers(video))


def _take(video: Video, offset: int, content: bytes) -> None:
    """Keep a chunk as a blob, then as a row; the last one is followed by the job that encodes."""
    if offset + len(content) > video.size_bytes:
        raise RequestEntityTooLarge(f"the upload was announced with {video.size_bytes} bytes")
    try:
        check_chunk(video.size_bytes, offset, len(content))
    except ChunkError as error:
        raise InvalidFieldsError(
            str(error), errors=[FieldError("header", "Content-Length", "is too small")]
        ) from error
    # A name of its own: of two who send the same chunk at once, one is refused, and takes only its own blob away.
    part = Part(
        offset, len(content), hashlib.sha256(content).hexdigest(), f"{FOLDER}/{video.id}/{offset}-{uuid7().hex}"
    )
    blobs = platform().blobs
    blobs.put(part.path, content)
    with platform().transactions() as session:
        is_last = uploads.add_part(session, video.id, part)
        if is_last:
            job = request_encoding(session, video.id, video.owner, request_id())
            uploads.set_job(session, video.id, job.id)
    if is_last is None:
        blobs.delete(part.path)
        _refuse_other_offset(_read(video.id), offset)


def _offset_response(video: Video, status: int) -> Response:
    response = Response(status=status)
    response.headers.update(_offset_headers(video))
    response.headers["Cache-Control"] = "no-store"
    return response


def _offset_headers(video: Video) -> dict[str, str]:
    return {OFFSET: str(video.uploaded_bytes), LENGTH: str(video.size_bytes)}
