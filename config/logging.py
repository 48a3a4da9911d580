"""One JSON object per line on stderr, carrying the request and the job that a line belongs to.

The packages that know these facts may not import ``config``, and need not: they keep them in context variables
named ``log_<field>`` (``log_job_id``, ``log_kind``, ``log_attempt``, ``log_request_id``, ``log_ride_id``,
``log_offer_id``), and the formatter shows every context variable of that form. ``extra={...}`` of a single call is
shown too.
"""

from __future__ import annotations

import json
import logging
import sys
from contextvars import copy_context
from datetime import UTC, datetime
from typing import TextIO

CONTEXT_PREFIX = "log_"
_PLAIN_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message"}


class JsonFormatter(logging.Formatter):
    """Write a record as one line of JSON; what cannot be written as JSON is written as its ``str``."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record's line, without the newline."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= _context_fields() | _extra_fields(record)
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


def configure(level: str, stream: TextIO | None = None) -> None:
    """Make every logger of this process write JSON lines of at least ``level`` to ``stream`` (default: stderr).

    Replaces whatever handlers the root logger had, so calling it twice doubles no line.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    logging.captureWarnings(capture=True)


def _context_fields() -> dict[str, object]:
    return {
        variable.name.removeprefix(CONTEXT_PREFIX): value
        for variable, value in copy_context().items()
        if variable.name.startswith(CONTEXT_PREFIX) and value is not None
    }


def _extra_fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _PLAIN_ATTRIBUTES}
