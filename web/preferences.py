"""Two headers with a grammar: ``Prefer`` (RFC 7240) and ``Idempotency-Key``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from web.problems import FieldError, MalformedHeaderError

MAX_KEY_LENGTH = 255

_WAIT = re.compile(r'wait\s*=\s*"?(\d{1,9})"?', re.IGNORECASE)
_KEY = re.compile(rf"[\x21-\x7e]{{1,{MAX_KEY_LENGTH}}}")


@dataclass(frozen=True, slots=True)
class Preference:
    """How long the caller would like to wait, and whether it said that it would rather not."""

    wait_s: int | None
    is_async: bool


def parse_prefer(header: str) -> Preference:
    """Read ``Prefer``; what is unknown or malformed is ignored, as the RFC asks. The first ``wait`` counts."""
    wait_s, is_async = None, False
    for piece in header.split(","):
        preference = piece.split(";")[0].strip()
        if match := _WAIT.fullmatch(preference):
            wait_s = int(match[1]) if wait_s is None else wait_s
        is_async = is_async or preference.lower() == "respond-async"
    return Preference(wait_s, is_async)


def parse_idempotency_key(header: str) -> str:
    """Return the key, given as a structured-field string in quotes or bare.

    Raises:
        MalformedHeaderError: it is empty, too long, or has other characters than visible ASCII.
    """
    text = header.strip()
    if len(text) >= 2 and text[0] == text[-1] == '"':
        text = text[1:-1]
    if not _KEY.fullmatch(text):
        detail = f"must be 1 to {MAX_KEY_LENGTH} visible ASCII characters"
        raise MalformedHeaderError(
            "the Idempotency-Key header cannot be read", errors=[FieldError("header", "Idempotency-Key", detail)]
        )
    return text
