"""A name for every request: the caller's ``X-Request-ID`` or a new one; it is in the answer, the logs and the job."""

from __future__ import annotations

import re
import secrets
from contextvars import ContextVar

from flask import Response, g, request

HEADER = "X-Request-ID"

_ACCEPTED = re.compile(r"[A-Za-z0-9._:-]{1,64}")
# The name makes the log's formatter show it in every line of the request.
_LOGGED: ContextVar[str | None] = ContextVar("log_request_id", default=None)


def begin_request() -> None:
    """Name the request; put before everything else."""
    given = request.headers.get(HEADER, "")
    g.request_id = given if _ACCEPTED.fullmatch(given) else secrets.token_hex(16)
    _LOGGED.set(g.request_id)


def request_id() -> str:
    """Return the name of the request that is being served."""
    name: str = g.request_id
    return name


def add_request_id(response: Response) -> Response:
    """Tell the caller the request's name."""
    if "request_id" in g:
        response.headers[HEADER] = g.request_id
    return response
