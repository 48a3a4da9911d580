"""For load balancers and Prometheus: is the process alive, can it serve, what has it done. No key is needed."""

from __future__ import annotations

from typing import Literal

from apiflask import APIBlueprint
from flask import Response
from pydantic import BaseModel
from sqlalchemy.exc import SQLAlchemyError

from store import statistics
from web.answers import answers, json_of
from web.job_views import json_response
from web.metrics import CONTENT_TYPE
from web.platform import platform

blueprint = APIBlueprint("health", __name__, tag="Health")

_METRICS = {"description": "Metrics.", "content": {"text/plain": {"schema": {"type": "string"}}}}


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]


class Readiness(BaseModel):
    """What the process needs: without PostgreSQL it serves nothing, without Redis it does not limit rates."""

    status: Literal["ready", "degraded", "unready"]
    postgresql: str
    redis: str


@blueprint.get("/healthz")
@blueprint.output(Health, description="Alive.")
@blueprint.doc(operation_id="getHealth")
def get_health() -> Response:
    """Tell that the process is alive."""
    return json_response({"status": "ok"})


@blueprint.get("/readyz")
@blueprint.output(Readiness, description="Ready, perhaps degraded.")
@blueprint.doc(
    operation_id="getReadiness",
    responses=answers({503: json_of("Readiness", "Not ready.")}),
)
def get_readiness() -> Response:
    """Tell whether requests should be sent here."""
    try:
        with platform().sessions() as session:
            statistics.check_ready(session)
    except SQLAlchemyError:
        return json_response({"status": "unready", "postgresql": "unavailable", "redis": "not asked"}, 503)
    if not platform().is_limiter_available():
        detail = "unavailable: rates are not limited, and jobs wait until it is back"
        return json_response({"status": "degraded", "postgresql": "ok", "redis": detail})
    return json_response({"status": "ready", "postgresql": "ok", "redis": "ok"})


@blueprint.get("/metrics")
@blueprint.doc(
    operation_id="getMetrics",
    responses=answers({200: _METRICS}),
)
def get_metrics() -> Response:
    """Return metrics for Prometheus."""
    return Response(platform().metrics.render(), content_type=CONTENT_TYPE)
