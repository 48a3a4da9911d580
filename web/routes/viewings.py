"""What the caller watched last."""

from __future__ import annotations

import hashlib

from apiflask import APIBlueprint
from flask import Response, request

from domain.viewings.model import Viewing
from web import guards
from web.answers import answers, header_parameter, headers, problems
from web.content_views import has_item
from web.job_views import json_response, show_moment
from web.platform import platform
from web.problems import ContentUnavailableError
from web.schemas.viewings import ViewingQuery, ViewingsOut
from web.viewings import watched_last

blueprint = APIBlueprint("viewings", __name__, url_prefix="/v1/viewings", tag="Content")
blueprint.before_request(guards.require_key)


@blueprint.get("")
@blueprint.input(ViewingQuery, location="query", arg_name="query")
@blueprint.output(ViewingsOut, description="The viewings.")
@blueprint.doc(
    operation_id="listViewings",
    responses=answers(
        {
            200: {"headers": headers(ETag="Of this answer.", Cache_Control="For nobody but the caller.")},
            304: {"description": "The list is still the one in If-None-Match."},
        },
        problems(422),
    ),
    extensions={"x-parameters": [header_parameter("If-None-Match", "An ETag: 304 while the list is still that.")]},
)
def list_viewings(query: ViewingQuery) -> Response:
    """List what the caller watched last, the newest first, and how often.

    Asking where a title can be played counts as watching it.
    """
    response = json_response({"viewings": [_show(each) for each in watched_last()[: query.limit]]})
    response.set_etag(hashlib.sha256(response.get_data()).hexdigest()[:32])
    response.headers["Cache-Control"] = "private, no-cache"
    response.headers["Vary"] = "Authorization"
    return response.make_conditional(request)  # type: ignore[return-value]  # It returns the response itself.


def _show(viewing: Viewing) -> dict[str, object]:
    return {
        "title": viewing.title_id,
        "first_at": show_moment(viewing.first_at),
        "last_at": show_moment(viewing.last_at),
        "times": viewing.times,
        "links": {"title": f"/v1/titles/{viewing.title_id}"} if _is_served(viewing.title_id) else {},
    }


def _is_served(title_id: str) -> bool:
    try:
        return has_item(platform().titles, title_id)
    except ContentUnavailableError:
        return True  # Nobody knows yet, and most are.
