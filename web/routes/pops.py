"""For administrators: the points of presence, how they are, and which there are."""

from __future__ import annotations

import re
from datetime import UTC, datetime, time
from zoneinfo import ZoneInfo

from apiflask import APIBlueprint
from flask import Response
from sqlalchemy.orm import Session

from domain.cache_refreshes.model import SETS, Mode, NewRefresh, Scope
from domain.cache_refreshes.planning import Which
from domain.cache_refreshes.pops import NAME_PATTERN, FillWindow, Pop, PopHealth
from jobs import cache_refreshes as refreshing
from jobs.cache_refreshes import Order
from store import edge_objects, pops
from store.pops import PopTraffic
from web import guards
from web.answers import answers, problems
from web.job_views import json_response
from web.platform import platform
from web.problems import FieldError, InvalidFieldsError, NotFoundError
from web.request_ids import request_id
from web.schemas.pops import FillWindowIn, PopIn, PopOut, PopsOut

blueprint = APIBlueprint("pops", __name__, url_prefix="/v1/pops", tag="Edge")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_admin)


@blueprint.get("")
@blueprint.output(PopsOut, description="All POPs.")
@blueprint.doc(operation_id="listPops", responses=answers(problems(403)))
def list_() -> Response:
    """List the POPs with their health, hit ratio, objects and bytes (administrators)."""
    with platform().sessions() as session:
        return json_response({"pops": _show_all(session, pops.list_pops(session))})


@blueprint.get("/<name>")
@blueprint.output(PopOut, description="The POP.")
@blueprint.doc(operation_id="getPop", responses=answers(problems(403, 404)))
def get(name: str) -> Response:
    """Read a POP (administrators)."""
    with platform().sessions() as session:
        return json_response(_show_one(session, name))


@blueprint.put("/<name>")
@blueprint.input(PopIn, arg_name="body")
@blueprint.output(PopOut, description="The POP, changed.")
@blueprint.doc(
    operation_id="putPop",
    responses=answers(
        {
            201: {
                "description": "The POP, which is new.",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/PopOut"}}},
            }
        },
        problems(400, 403, 404, 413, 415, 422),
    ),
)
def put(name: str, body: PopIn) -> Response:
    """Create a POP, or change one (administrators).

    A new one is given what is published at once, as is one that is enabled again, moved, or has other room or hours.
    Its key is printed by `yardmaster pops key NAME`.
    """
    pop = _to_pop(name, body)
    with platform().transactions() as session:
        before = pops.find_pop(session, name)
        is_new = pops.put_pop(session, pop)
        if pop.is_enabled and (news := _news(pop, before)):
            _welcome(session, pop, before, f"the POP {name} {news}")
        if pop.is_enabled and before is not None and _is_elsewhere(pop, before):
            reason = f"the POP {name} has other room, or is elsewhere"
            order = Order(guards.caller().owner, request_id=request_id())
            refreshing.request_population(session, Which.OPEN, reason, order)
    with platform().sessions() as session:
        return json_response(_show_one(session, name), 201 if is_new else 200)


@blueprint.delete("/<name>")
@blueprint.output({}, status_code=204, description="It is gone.")
@blueprint.doc(operation_id="deletePop", responses=answers(problems(403, 404)))
def delete(name: str) -> Response:
    """Forget a POP; what was done with it stays on record (administrators)."""
    with platform().sessions() as session:
        if not pops.delete_pop(session, name):
            raise NotFoundError("there is no such POP")
    return Response(status=204)


def _news(pop: Pop, before: Pop | None) -> str | None:
    """Return why a POP may lack something now; ``None``: it was driven before, there, and under the same terms."""
    if before is None:
        return "is new"
    if not before.is_enabled:
        return "was switched on"
    if (pop.control_url, pop.driver) != (before.control_url, before.driver):
        return "has moved"
    terms = [(each.capacity_bytes, each.fill_window, each.max_bytes_per_s) for each in (pop, before)]
    return "has other room or hours" if terms[0] != terms[1] else None


def _is_elsewhere(pop: Pop, before: Pop) -> bool:
    """Tell whether what is placed on a POP is not what fits there now; a new one is placed anew by the clock."""
    return (pop.region, pop.capacity_bytes) != (before.region, before.capacity_bytes)


def _welcome(session: Session, pop: Pop, before: Pop | None, reason: str) -> None:
    owner = guards.caller().owner
    order = Order(owner, request_id=request_id())
    for name in SETS:
        refreshing.begin(session, NewRefresh(owner, reason, Mode.SOFT, Scope(set=name)), [pop.name], order)
    if before is not None:
        # What waits for a window that was closed, and what it should hold besides.
        refreshing.bring_forward(session, pop.name)
        new = NewRefresh(owner, reason, Mode.FILL, Scope(lacking="all"))
        refreshing.begin(session, new, [pop.name], order)
        refreshing.request_verification(session, pop.name)


def _to_pop(name: str, body: PopIn) -> Pop:
    """Return the POP that is described.

    Raises:
        InvalidFieldsError: there can be none of that name, or with that window.
    """
    if not re.fullmatch(NAME_PATTERN, name):
        raise _invalid(FieldError("parameter", "name", f"must match {NAME_PATTERN}"))
    return Pop(
        name=name,
        region=body.region,
        url=body.url,
        control_url=body.control_url or body.url,
        driver=body.driver,
        capacity_bytes=body.capacity_bytes,
        fill_window=None if body.fill_window is None else _to_window(body.fill_window),
        max_bytes_per_s=body.max_bytes_per_s,
        is_enabled=body.is_enabled,
    )


def _to_window(window: FillWindowIn) -> FillWindow:
    if window.start == window.end:
        raise _invalid(FieldError("pointer", "/fill_window/end", "must differ from start"))
    try:
        ZoneInfo(window.timezone)
    except (LookupError, ValueError, OSError) as error:
        # Names of folders are an OSError.
        field = FieldError("pointer", "/fill_window/timezone", "must be a time zone like Asia/Kolkata")
        raise _invalid(field) from error
    return FillWindow(time.fromisoformat(window.start), time.fromisoformat(window.end), window.timezone)


def _show_one(session: Session, name: str) -> dict[str, object]:
    pop = pops.find_pop(session, name)
    if pop is None:
        raise NotFoundError("there is no such POP")
    return _show_all(session, [pop])[0]


def _show_all(session: Session, found: list[Pop]) -> list[dict[str, object]]:
    healths, traffic, objects = pops.health(session), pops.traffic(session), edge_objects.counts(session)
    return [
        _show(pop, healths.get(pop.name, PopHealth()), traffic.get(pop.name)) | {"objects": objects.get(pop.name, {})}
        for pop in found
    ]


def _show(pop: Pop, health: PopHealth, traffic: PopTraffic | None) -> dict[str, object]:
    window = pop.fill_window
    plain = ("name", "region", "url", "control_url", "driver", "capacity_bytes", "max_bytes_per_s", "is_enabled")
    return {
        **{field: getattr(pop, field) for field in plain},
        "fill_window": window and {
            "start": f"{window.start:%H:%M}", "end": f"{window.end:%H:%M}", "timezone": window.timezone,
        },
        "is_healthy": health.is_healthy(datetime.now(UTC)),
        "last_seen_at": health.last_seen_at and health.last_seen_at.isoformat(),
        "last_error": health.last_error,
        "traffic": traffic and _show_traffic(traffic),
    }  # fmt: skip


def _show_traffic(traffic: PopTraffic) -> dict[str, object]:
    counters = ("hits", "misses", "sent_bytes", "objects", "stored_bytes")
    shown = {name: getattr(traffic.stats, name) for name in counters}
    return {"at": traffic.at.isoformat(), "hit_ratio": traffic.hit_ratio, **shown}


def _invalid(error: FieldError) -> InvalidFieldsError:
    return InvalidFieldsError("the request has invalid fields", errors=[error])
