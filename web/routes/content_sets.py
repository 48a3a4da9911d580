"""For administrators: which revision of each content set every server serves."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime

from apiflask import APIBlueprint
from flask import Response

from domain.content.servers import SetReport
from web import guards
from web.answers import answers, problems
from web.job_views import json_response
from web.platform import platform
from web.schemas.content import ServersOut

blueprint = APIBlueprint("content_sets", __name__, url_prefix="/v1/content", tag="Content")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_admin)


@blueprint.get("/servers")
@blueprint.output(ServersOut, description="What every process said last.")
@blueprint.doc(operation_id="listContentServers", responses=answers(problems(403)))
def list_servers() -> Response:
    """List what every process of every server serves (administrators)."""
    return json_response({"servers": [_show(report) for report in platform().content_servers.list()]})


def _show(report: SetReport) -> dict[str, object]:
    return {
        name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(report).items()
    }
