"""For administrators: have caches at the edge refreshed, and see what was, by whom and why."""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

from apiflask import APIBlueprint
from flask import Response, request
from sqlalchemy.orm import Session

from domain.cache_refreshes.model import InvalidRefreshError, Mode, NewRefresh, TargetState, parse_scope
from domain.cache_refreshes.pops import Pop
from jobs import cache_refreshes as refreshing
from jobs import submit
from jobs.cache_refreshes import Begun, Order
from jobs.submit import Idempotency
from store import cache_refreshes, pops
from store.cache_refreshes import Refresh, Target
from web import guards
from web.answers import answers, header_parameter, headers, problems
from web.cursors import decode_cursor, encode_cursor
from web.job_views import json_response
from web.platform import platform
from web.preferences import MAX_KEY_LENGTH, parse_idempotency_key
from web.problems import FieldError, InvalidFieldsError, NotFoundError, pointer
from web.request_ids import request_id
from web.schemas.cache_refreshes import CacheRefreshIn, CacheRefreshOut, CacheRefreshPage, CacheRefreshQuery

blueprint = APIBlueprint("cache_refreshes", __name__, url_prefix="/v1/cache-refreshes", tag="Edge")
blueprint.before_request(guards.require_key)
blueprint.before_request(guards.require_admin)

_HEADERS = [
    header_parameter(
        "Idempotency-Key",
        "Makes a repeated request safe: the same key and body give the same refresh.",
        minLength=1,
        maxLength=MAX_KEY_LENGTH,
        pattern="^[\\x21-\\x7e]+$",
    )
]


@blueprint.post("")
@blueprint.input(CacheRefreshIn, arg_name="body")
@blueprint.output(CacheRefreshOut, 202, description="It is begun on every POP.")
@blueprint.doc(
    operation_id="createCacheRefresh",
    responses=answers(
        {
            202: {
                "headers": headers(
                    Location="The refresh.",
                    Retry_After="Seconds after which asking makes sense.",
                    Idempotent_Replayed="true: an earlier request with this key began the refresh.",
                )
            }
        },
        problems(400, 403, 413, 415, 422, 429),
    ),
    extensions={"x-parameters": _HEADERS},
)
def create(body: CacheRefreshIn) -> Response:
    """Refresh what POPs hold: purge it, fetch it anew, or fill what lacks (administrators).

    Each POP comes to its end by itself: one that is away holds up none, and is gone back to when it answers.
    """
    with platform().sessions() as session:
        known = pops.list_pops(session)
    new, names = _to_refresh(body, known)
    idempotency = _idempotency(body)
    owner = guards.caller().owner

    def find_replay(session: Session) -> Begun | None:
        return None if idempotency is None else refreshing.find_replay(session, owner, idempotency)

    begun = guards.charge_unless_repeated(_cost(body), find_replay)
    if begun is None:
        with platform().transactions() as session:
            begun = refreshing.begin(session, new, names, Order(owner, idempotency, request_id()))
    with platform().sessions() as session:
        response = json_response(_show(begun.refresh, _targets(session, begun.refresh)), 202)
    response.headers["Location"] = _place(begun.refresh)
    response.headers["Retry-After"] = "1"
    if begun.is_replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return response


@blueprint.get("/<uuid:refresh_id>")
@blueprint.output(CacheRefreshOut, description="The refresh.")
@blueprint.doc(operation_id="getCacheRefresh", responses=answers(problems(403, 404)))
def get(refresh_id: UUID) -> Response:
    """See what was removed, filled and verified on each POP (administrators)."""
    with platform().sessions() as session:
        refresh = cache_refreshes.find(session, refresh_id)
        if refresh is None:
            raise NotFoundError("there is no such refresh")
        return json_response(_show(refresh, _targets(session, refresh)))


@blueprint.get("")
@blueprint.input(CacheRefreshQuery, location="query", arg_name="query")
@blueprint.output(CacheRefreshPage, description="One page.")
@blueprint.doc(
    operation_id="listCacheRefreshes",
    responses=answers(
        {200: {"headers": headers(Link="rel=next: the following page, if there is one.")}}, problems(403, 422)
    ),
)
def list_(query: CacheRefreshQuery) -> Response:
    """List refreshes, the newest first: who purged what, when and why (administrators)."""
    before = None if query.cursor is None else decode_cursor(query.cursor)
    with platform().sessions() as session:
        found = cache_refreshes.list_refreshes(session, query.limit + 1, before, query.by)
        page = found[: query.limit]
        targets = cache_refreshes.targets_of(session, [refresh.id for refresh in page])
    following = _next_page(query, page[-1].id) if len(found) > query.limit else None
    shown = [_show(refresh, targets[refresh.id]) for refresh in page]
    response = json_response({"cache_refreshes": shown, "next": following})
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def _to_refresh(body: CacheRefreshIn, known: Sequence[Pop]) -> tuple[NewRefresh, list[str]]:
    """Return what is asked for, and of which POPs.

    Raises:
        InvalidFieldsError: it cannot be, or there are no such POPs.
    """
    own = [request.host_url, *(address for pop in known for address in (pop.url, pop.control_url))]
    try:
        scope = parse_scope(body.model_dump(include={"urls", "tags", "prefix", "set"}), own)
    except InvalidRefreshError as error:
        raise _invalid([FieldError("pointer", pointer(error.path), error.message)]) from error
    names = [pop.name for pop in known] if body.pops is None else list(dict.fromkeys(body.pops))
    if not names:
        raise _invalid([FieldError("pointer", "/pops", "must name a POP; there is none yet")])
    unknown = set(names) - {pop.name for pop in known}
    if unknown:
        raise _invalid([
            FieldError("pointer", pointer(("pops", place)), "is not the name of a POP")
            for place, name in enumerate(body.pops or ()) if name in unknown
        ])  # fmt: skip
    return NewRefresh(guards.caller().owner, body.reason, Mode(body.mode), scope, body.now), names


def _cost(body: CacheRefreshIn) -> int:
    return len(body.urls or body.tags or "1")


def _idempotency(body: CacheRefreshIn) -> Idempotency | None:
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return None
    fingerprint = submit.fingerprint([request.path, body.model_dump(mode="json")])
    return Idempotency(parse_idempotency_key(header), fingerprint)


def _targets(session: Session, refresh: Refresh) -> list[Target]:
    return cache_refreshes.targets_of(session, [refresh.id])[refresh.id]


def _show(refresh: Refresh, targets: Sequence[Target]) -> dict[str, object]:
    return {
        "id": str(refresh.id),
        "by": refresh.by,
        "reason": refresh.reason,
        "mode": refresh.mode,
        "selection": refresh.scope.to_json(),
        "now": refresh.is_now,
        "state": _state({target.state for target in targets}),
        "targets": [_show_target(target) for target in targets],
        "created_at": refresh.created_at.isoformat(),
        "links": {"self": _place(refresh), "job": f"/v1/jobs/{refresh.job_id}"},
    }


def _show_target(target: Target) -> dict[str, object]:
    counts = ("attempts", "removed", "filled", "verified", "bytes", "last_error")
    return {
        "pop": target.pop,
        "state": target.state,
        **{name: getattr(target, name) for name in counts},
        "started_at": target.started_at and target.started_at.isoformat(),
        "finished_at": target.finished_at and target.finished_at.isoformat(),
    }


def _state(states: set[TargetState]) -> str:
    if states & {TargetState.QUEUED, TargetState.RUNNING}:
        return "working"
    return "deferred" if TargetState.DEFERRED in states else "finished"


def _place(refresh: Refresh) -> str:
    return f"/v1/cache-refreshes/{refresh.id}"


def _next_page(query: CacheRefreshQuery, last_id: UUID) -> str:
    parameters = query.model_dump(mode="json", exclude_none=True) | {"cursor": encode_cursor(last_id)}
    return f"/v1/cache-refreshes?{urlencode(parameters)}"


def _invalid(errors: Sequence[FieldError]) -> InvalidFieldsError:
    return InvalidFieldsError("the request has invalid fields", errors=errors)
