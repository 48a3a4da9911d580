"""Where a title can be played: the nearest healthy point of presence, with a token that lasts for a while."""

from __future__ import annotations

import re
import time
from datetime import UTC, datetime

from apiflask import APIBlueprint
from flask import Response, request

from domain.videos.plan import FALLBACK, MASTER
from domain.videos.playback import expiry
from domain.videos.tokens import sign
from store.videos import videos
from web import guards
from web.answers import answers, header_parameter, problems
from web.job_views import json_response, show_moment
from web.platform import platform
from web.problems import NotFoundError, PlaybackUnavailableError
from web.schemas.videos import REGION_PATTERN, PlaybackOut, PlaybackQuery
from web.video_views import show_renditions
from web.viewers import send_viewer
from web.viewings import count_view

blueprint = APIBlueprint("playback", __name__, url_prefix="/v1/titles", tag="Content")
blueprint.before_request(guards.require_key)


@blueprint.get("/<title_id>/playback")
@blueprint.input(PlaybackQuery, location="query", arg_name="query")
@blueprint.output(PlaybackOut, description="Where to play it.")
@blueprint.doc(
    operation_id="getPlayback",
    responses=answers(problems(404, 422)),
    extensions={"x-parameters": [header_parameter("X-Region", "The viewer's region, where the query has none.")]},
)
def get_playback(title_id: str, query: PlaybackQuery) -> Response:
    """Find out where a title can be played.

    Counts as a view, and is noted in the caller's history.
    """
    secret = platform().edge_secret
    if secret is None:
        raise PlaybackUnavailableError("EDGE_SECRET is not set, so nobody can be let in")
    region, now = query.region or _region_of_header(), datetime.now(UTC)
    with platform().sessions() as session:
        video = videos.of_title(session, title_id)
        if video is None or video.revision is None:
            raise NotFoundError(f"the title {title_id[:64]} has no video")
        renditions = videos.renditions(session, video.id)
        names = [each.name for each in renditions]
        site, counted_region = send_viewer(session, video.id, names, region, now)
    count_view(video, names, counted_region)
    expires_at = expiry(video.duration_s or 0, time.time())
    token = sign(secret, str(video.id), video.revision, expires_at)
    folder = f"{site.url.rstrip('/') if site else ''}/t/{token}/v/{video.id}/{video.revision}"
    response = json_response({
        "title": video.title_id,
        "video": str(video.id),
        "revision": video.revision,
        "duration_s": video.duration_s,
        "hls_url": f"{folder}/{MASTER}",
        "mp4_url": f"{folder}/{FALLBACK}",
        "expires_at": show_moment(datetime.fromtimestamp(expires_at, UTC)),
        "pop": {"name": site.name, "region": site.region} if site else None,
        "renditions": show_renditions(renditions),
    })  # fmt: skip
    response.headers["Cache-Control"] = "no-store"
    return response


def _region_of_header() -> str:
    given = request.headers.get("X-Region", "").lower()
    return given if re.fullmatch(REGION_PATTERN, given) else ""
