"""Cursors of lists: the id of the last entry of a page, in characters that need no escape in an address."""

from __future__ import annotations

import base64
import binascii
from uuid import UUID

from web.problems import FieldError, InvalidFieldsError

CURSOR_PATTERN = "^[A-Za-z0-9_-]{22}$"


def encode_cursor(last_id: UUID) -> str:
    """Return the cursor of the page that follows the entry with ``last_id``."""
    return base64.urlsafe_b64encode(last_id.bytes).rstrip(b"=").decode()


def decode_cursor(cursor: str) -> UUID:
    """Return the id that ``cursor`` was made of.

    Raises:
        InvalidFieldsError: it was made of none.
    """
    try:
        return UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise InvalidFieldsError(
            "the request has invalid fields", errors=[FieldError("parameter", "cursor", "is no cursor of this list")]
        ) from error
