"""For administrators: what POPs are to hold of the videos, how often that helps, and to have it decided anew."""

from __future__ import annotations

from collections.abc import Sequence

from apiflask import APIBlueprint
from flask import Response

from domain.cache_refreshes.placement import MissReason
from domain.cache_refreshes.planning import Which
from domain.cache_refreshes.pops import Pop
from jobs import cache_refreshes as refreshing
from jobs.cache_refreshes import Order
from store import placements, playbacks, pops
from store.placements import Plan, Total
from store.playbacks import HIT, PopDay
from web import guards
from web.answers import answers, headers, problems
from web.job_views import job_response, json_response, show_moment
from web.platform import platform
from web.request_ids import request_id
from web.schemas.jobs import JobOut
from web.schemas.placements import PlacementIn, PlacementQuery, PlacementsOut

blueprint = APIBlueprint("placements", __name__, url_prefix="/v1/placements", tag="Edge")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_admin)


@blueprint.get("")
@blueprint.input(PlacementQuery, location="query", arg_name="query")
@blueprint.output(PlacementsOut, description="All POPs.")
@blueprint.doc(operation_id="listPlacements", responses=answers(problems(403, 422)))
def list_(query: PlacementQuery) -> Response:
    """See what each POP is to hold, the hit ratios predicted and real, and why requests missed (administrators)."""
    with platform().sessions() as session:
        known, plans, totals = pops.list_pops(session), placements.plans(session), placements.totals(session)
        days: dict[str, list[PopDay]] = {}
        for day in playbacks.report(session, query.days, query.region):
            days.setdefault(day.pop, []).append(day)
    shown = [_show(pop, plans.get(pop.name), totals.get(pop.name, Total()), days.get(pop.name, [])) for pop in known]
    return json_response({"placements": shown})


@blueprint.post("")
@blueprint.input(PlacementIn, arg_name="body")
@blueprint.output(JobOut, 202, description="The job that decides it.")
@blueprint.doc(
    operation_id="createPlacement",
    responses=answers(
        {202: {"headers": headers(Location="The job.", Retry_After="Seconds after which asking makes sense.")}},
        problems(400, 403, 413, 415, 422, 429),
    ),
)
def create(body: PlacementIn) -> Response:
    """Have it decided now, for all regions, what POPs are to hold of the videos (administrators).

    POPs drop and fetch in their windows, as after each night's decision.
    """
    guards.charge(1)
    order = Order(guards.caller().owner, request_id=request_id())
    with platform().sessions() as session:
        job = refreshing.request_population(session, Which.ALL, body.reason, order)
    response = job_response(job, 202)
    response.headers["Location"] = f"/v1/jobs/{job.id}"
    return response


def _show(pop: Pop, plan: Plan | None, total: Total, days: Sequence[PopDay]) -> dict[str, object]:
    return {
        "pop": pop.name,
        "region": pop.region,
        "capacity_bytes": pop.capacity_bytes,
        "used_bytes": total.used_bytes,
        "renditions": total.renditions,
        "predicted_hit_ratio": plan and plan.predicted_hit_ratio,
        "made_at": show_moment(plan.made_at) if plan else None,
        "by": plan and plan.requested_by,
        "days": [_show_day(day) for day in days],
    }


def _show_day(day: PopDay) -> dict[str, object]:
    return {
        "day": day.day.isoformat(),
        "predicted_hit_ratio": day.predicted_hit_ratio,
        "real_hit_ratio": day.real_hit_ratio,
        "counted_hit_ratio": day.counted_hit_ratio,
        "requests": day.requests,
        "hits": day.outcomes.get(HIT, 0),
        "misses": {reason.value: day.outcomes.get(reason, 0) for reason in MissReason},
    }
