"""Titles, the catalogue of what can be watched, from this process's memory. No key is needed."""

from __future__ import annotations

from apiflask import APIBlueprint
from flask import Response

from web.answers import answers, public_problems
from web.content_views import CACHED, IF_NONE_MATCH, answer_item, answer_list
from web.platform import platform
from web.schemas.content import TitleOut, TitlesOut

blueprint = APIBlueprint("titles", __name__, url_prefix="/v1/titles", tag="Content")

_PUBLIC = {"x-public": True, "x-parameters": [IF_NONE_MATCH]}


@blueprint.get("")
@blueprint.output(TitlesOut, description="The titles.")
@blueprint.doc(operation_id="listTitles", responses=answers(CACHED, public_problems(404)), extensions=_PUBLIC)
def list_titles() -> Response:
    """List the titles, without their casts."""
    return answer_list(platform().titles)


@blueprint.get("/<title_id>")
@blueprint.output(TitleOut, description="The title.")
@blueprint.doc(operation_id="getTitle", responses=answers(CACHED, public_problems(404)), extensions=_PUBLIC)
def get_title(title_id: str) -> Response:
    """Read a title with its cast."""
    return answer_item(platform().titles, title_id)
