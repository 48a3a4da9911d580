"""Pages of lists that are in the order of their ids: the cursor is the last id of the page before."""

from __future__ import annotations

import base64
import binascii
from urllib.parse import urlencode
from uuid import UUID

from flask import Response
from pydantic import BaseModel

from web.job_views import json_response
from web.problems import FieldError, InvalidFieldsError

CURSOR_PATTERN = "^[A-Za-z0-9_-]{22}$"


def page_response(name: str, shown: list[dict[str, object]], following: str | None) -> Response:
    """Answer with one page of a list, and with the address of the next one, if there is one."""
    response = json_response({name: shown, "next": following})
    if following:
        response.headers["Link"] = f'<{following}>; rel="next"'
    return response


def next_page(path: str, query: BaseModel, last_id: UUID) -> str:
    """Return the address of the page that follows the one which ends with ``last_id``."""
    cursor = base64.urlsafe_b64encode(last_id.bytes).rstrip(b"=").decode()
    parameters = query.model_dump(mode="json", exclude_none=True) | {"cursor": cursor}
    return f"{path}?{urlencode(parameters)}"


def decode_cursor(cursor: str | None) -> UUID | None:
    """Return the id that a cursor stands for.

    Raises:
        InvalidFieldsError: it is no cursor.
    """
    if cursor is None:
        return None
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidFieldsError(
            "the request has invalid fields", errors=[FieldError("parameter", "cursor", "is no cursor of this list")]
        ) from error
