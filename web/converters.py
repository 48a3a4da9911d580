"""What may stand in an address where a route has a variable."""

from __future__ import annotations

from werkzeug.routing import BaseConverter


class PlainText(BaseConverter):
    """A part of an address without control characters: nothing has a name with one, and no column takes a NUL."""

    regex = r"[^/\x00-\x1f\x7f]+"
    part_isolating = True
