"""What stands before the routes: who is calling, and how often they may."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar

from flask import Response, g, request
from sqlalchemy.orm import Session

from domain.rate_limits.model import UNLIMITED_TIER, Decision
from store import api_keys
from store.api_keys import ApiKey
from web.platform import platform
from web.problems import ForbiddenError, RateLimitedError, UnauthenticatedError

Replay = TypeVar("Replay")

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]{1,256}=*) *")


def require_key() -> None:
    """Find the caller by the API key; put before every route of a blueprint.

    Raises:
        UnauthenticatedError: there is no key, or it is unknown, revoked or has expired.
    """
    match = _BEARER.fullmatch(request.headers.get("Authorization", ""))
    if match is None:
        raise _unauthenticated("send an API key as Authorization: Bearer")
    tools, key = platform(), match[1]

    def find() -> ApiKey | None:
        with tools.sessions() as session:
            return api_keys.find_valid(session, key)

    found = tools.keys.get(api_keys.hash_key(key), find, lambda known: not known.has_expired(datetime.now(UTC)))
    if found is None:
        raise _unauthenticated("the API key is unknown, was revoked or has expired")
    g.caller = found


def caller() -> ApiKey:
    """Return the key that the request came with; ``require_key`` has run."""
    found: ApiKey = g.caller
    return found


def visible_owner() -> str | None:
    """Return the owner whose jobs the caller sees; ``None`` is everybody's."""
    return None if caller().is_admin else caller().owner


def require_admin() -> None:
    """Refuse whoever is no administrator.

    Raises:
        ForbiddenError: the key is a plain one.
    """
    if not caller().is_admin:
        raise ForbiddenError("this needs an administrator's key")


def require_person() -> None:
    """Refuse administrators, who see all rides and drive none.

    Raises:
        ForbiddenError: the key is an administrator's.
    """
    if caller().is_admin:
        raise ForbiddenError("administrators do not drive; this needs a driver's key")


def charge(cost: int) -> None:
    """Charge the caller's rate limits with ``cost`` submissions.

    Raises:
        RateLimitedError: a window has no room; nothing was charged.
        ForbiddenError: the key's tier is no longer configured.
    """
    tools, key = platform(), caller()
    tier = UNLIMITED_TIER if key.is_admin else key.tier
    windows = tools.tiers.get(tier)
    if windows is None:
        raise ForbiddenError(f"the key's tier {tier!r} is not configured")
    if not windows:
        return
    decision = tools.limiter.charge(key.owner, windows, cost)
    tools.metrics.count_decision(tier, decision)
    g.rate_limit_headers = _headers(decision)
    if not decision.is_allowed:
        wait_s = max(1, math.ceil(decision.retry_after_s))
        raise RateLimitedError(
            f"the limits of tier {tier!r} are used up; try again in {wait_s} s", headers={"Retry-After": str(wait_s)}
        )


def charge_unless_repeated(cost: int, find_replay: Callable[[Session], Replay | None]) -> Replay | None:
    """Charge the caller; who has no room left but repeats an earlier request is given what that one made.

    Raises:
        RateLimitedError, ForbiddenError: as ``charge``, and ``find_replay`` found nothing.
    """
    try:
        charge(cost)
    except RateLimitedError:
        with platform().sessions() as session:
            replayed = find_replay(session)
        if replayed is None:
            raise
        return replayed
    return None


def add_rate_limit_headers(response: Response) -> Response:
    """Tell the caller what is left, as draft-ietf-httpapi-ratelimit-headers says, wherever limits were charged."""
    response.headers.update(g.pop("rate_limit_headers", {}))
    return response


def _headers(decision: Decision) -> dict[str, str]:
    if not decision.states:
        return {}
    policies = (
        f'"{state.window.name}";q={state.window.limit};w={state.window.period_s}' for state in decision.states
    )
    limits = (f'"{state.window.name}";r={state.remaining};t={math.ceil(state.reset_s)}' for state in decision.states)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(limits)}


def _unauthenticated(detail: str) -> UnauthenticatedError:
    return UnauthenticatedError(detail, headers={"WWW-Authenticate": 'Bearer realm="yardmaster"'})
