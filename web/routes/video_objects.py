"""The files of videos, as points of presence fetch them and players do where there is none, and their tokens.

``/v/<video>/<revision>/<path>`` is the origin's address of a file. A POP asks without a token, since one copy serves
every viewer; so this address is for the network in which the POPs are, and the public proxy of the compose file does
not pass it on. ``/t/<token>/v/...`` is for anybody who holds a token. ``/edge/tokens/...`` is where a POP asks
whether a token is good; its answer may be kept for as long as the token lives.

What can be asked for is what the manifest of the revision names, and nothing else is ever looked up.
"""

from __future__ import annotations

import math
import time
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request

from domain.videos.manifests import ManifestFile, is_revision
from domain.videos.plan import MASTER
from domain.videos.tokens import remaining_s
from store.videos import videos
from web.byte_ranges import UnsatisfiableRangeError, parse_range
from web.platform import platform
from web.problems import ForbiddenError, NotFoundError
from web.video_files import find_manifest, read_file

blueprint = APIBlueprint("video_objects", __name__, enable_openapi=False)

DAY_S = 86_400
_SHORT = {"Cache-Control": "public, max-age=5", "CDN-Cache-Control": "max-age=5"}
_SHARED = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Expose-Headers": "Content-Length, Content-Range, ETag, Age, Cache-Status",
    "Timing-Allow-Origin": "*",
}
_ASKED = {
    "Access-Control-Allow-Methods": "GET, HEAD, OPTIONS",
    "Access-Control-Allow-Headers": "Range, If-None-Match, If-Range",
    "Access-Control-Max-Age": str(DAY_S),
}
# By the end of the name: media type, lifetime in browsers, lifetime at the edge.
_KINDS = {
    "ts": ("video/mp2t", "public, max-age=31536000, immutable", "max-age=1209600"),
    "m3u8": ("application/vnd.apple.mpegurl", f"public, max-age={DAY_S}", f"max-age={DAY_S}"),
    "mp4": ("video/mp4", f"public, max-age={DAY_S}", f"max-age={DAY_S}"),
}
_OF_MASTER = ("application/vnd.apple.mpegurl", "public, max-age=30", "max-age=60, stale-while-revalidate=60")


@blueprint.route("/v/<uuid:video_id>/<revision>/<path:path>", methods=["GET", "OPTIONS"])
def get_object(video_id: UUID, revision: str, path: str) -> Response:
    """Serve a file to a point of presence."""
    return _serve(video_id, revision, path)


@blueprint.route("/t/<token>/v/<uuid:video_id>/<revision>/<path:path>", methods=["GET", "OPTIONS"])
def get_object_with_token(token: str, video_id: UUID, revision: str, path: str) -> Response:
    """Serve a file to whoever holds a token for it."""
    if request.method != "OPTIONS" and _remaining_s(token, video_id, revision) is None:
        raise ForbiddenError("the token is not valid, or no longer", headers={**_SHARED, **_SHORT})
    return _serve(video_id, revision, path)


@blueprint.get("/edge/tokens/<token>/<uuid:video_id>/<revision>")
def check_token(token: str, video_id: UUID, revision: str) -> Response:
    """Tell a point of presence whether a token is good, and for how long it may remember that."""
    left_s = _remaining_s(token, video_id, revision)
    if left_s is None:
        raise ForbiddenError("the token is not valid, or no longer", headers=_SHORT)
    # Rounded down: what is kept must not outlive the token.
    lifetime = f"max-age={math.floor(left_s)}"
    return Response(status=204, headers={"Cache-Control": f"private, {lifetime}", "CDN-Cache-Control": lifetime})


def _remaining_s(token: str, video_id: UUID, revision: str) -> float | None:
    secret = platform().edge_secret
    return None if secret is None else remaining_s(secret, token, (str(video_id), revision), time.time())


def _serve(video_id: UUID, revision: str, path: str) -> Response:
    if request.method == "OPTIONS":
        return Response(status=204, headers={**_SHARED, **_ASKED})
    file = _find(video_id, revision, path)
    response = _answer(video_id, revision, file)
    media_type, browser, edge = _OF_MASTER if path == MASTER else _KINDS[path.rpartition(".")[2]]
    response.headers.update(_SHARED)
    response.headers.update({
        "ETag": _etag(file), "Accept-Ranges": "bytes", "Cache-Control": browser, "CDN-Cache-Control": edge,
        "Surrogate-Key": f"video:{video_id}", "X-Content-Type-Options": "nosniff",
    })  # fmt: skip
    if response.status_code != 304:
        response.headers["Content-Type"] = media_type
    return response


def _find(video_id: UUID, revision: str, path: str) -> ManifestFile:
    # The database is asked each time: what was taken down must not come back to an edge that has just been purged.
    if is_revision(revision):
        with platform().sessions() as session:
            is_served = videos.is_served(session, video_id, revision)
        file = find_manifest(video_id, revision).by_path.get(path) if is_served else None
        if file is not None:
            return file
    raise NotFoundError(f"there is nothing at {request.path}", headers={**_SHARED, **_SHORT})


def _answer(video_id: UUID, revision: str, file: ManifestFile) -> Response:
    if request.if_none_match.contains_weak(file.sha256):
        return Response(status=304)
    try:
        wanted = parse_range(request.headers["Range"], file.size_bytes) if _is_range_asked(file) else None
    except UnsatisfiableRangeError:
        return Response(status=416, headers={"Content-Range": f"bytes */{file.size_bytes}"})
    part = range(file.size_bytes) if wanted is None else wanted
    body = b"" if request.method == "HEAD" else read_file(video_id, revision, file, part)
    response = Response(body, status=200 if wanted is None else 206)
    response.headers["Content-Length"] = str(len(part))
    if wanted is not None:
        response.headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{file.size_bytes}"
    return response


def _is_range_asked(file: ManifestFile) -> bool:
    # A Range is of GET alone; If-Range with anything but the very tag (a weak one, a date) asks for the whole.
    if_range = request.headers.get("If-Range")
    return request.method == "GET" and "Range" in request.headers and if_range in (None, _etag(file))


def _etag(file: ManifestFile) -> str:
    return f'"{file.sha256}"'
