"""How often a caller may ask: windows, tiers, and the decision about one request."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

UNLIMITED_TIER = "unlimited"
"""The tier that always exists and has no windows; what administrators' keys get."""


class TiersError(ValueError):
    """The text that describes the tiers is malformed; the message names the piece."""


@dataclass(frozen=True, slots=True)
class Window:
    """At most ``limit`` units of cost in any span of ``period_s`` seconds."""

    limit: int
    period_s: int

    @property
    def name(self) -> str:
        """Return the window's name in the RateLimit headers."""
        return f"per{self.period_s}s"


@dataclass(frozen=True, slots=True)
class WindowState:
    """What is left in a window, and after how many seconds all of it is free again."""

    window: Window
    remaining: int
    reset_s: float


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer about one request.

    ``retry_after_s`` is 0 when the request is allowed. ``is_enforced`` is false when the limiter could not be asked
    and the request was let through unseen; ``states`` is empty then.
    """

    is_allowed: bool
    is_enforced: bool
    states: tuple[WindowState, ...]
    retry_after_s: float


UNSEEN = Decision(is_allowed=True, is_enforced=False, states=(), retry_after_s=0.0)
"""Let through because the limiter is away: an outage of the limiter must not be an outage of the service."""


class RateLimiter(Protocol):
    """Counts what callers spend; ``adapters.rate_limiter`` provides it."""

    def charge(self, subject: str, windows: tuple[Window, ...], cost: int) -> Decision:
        """Charge ``cost`` (at least 1) to ``subject`` in all windows, or in none of them when one has no room.

        A cost above a window's limit is allowed when the window is empty, and then keeps it full for as many
        periods as the cost is worth: the rate over a long time never passes the window's.
        """


def parse_tiers(text: str) -> Mapping[str, tuple[Window, ...]]:
    """Read tiers such as ``free=1/1,5/60;pro=5/1,100/60``: name, then ``limit/period in seconds`` of each window.

    Raises:
        TiersError: the text is malformed.
    """
    tiers: dict[str, tuple[Window, ...]] = {UNLIMITED_TIER: ()}
    for piece in filter(None, (part.strip() for part in text.split(";"))):
        name, separator, windows = (part.strip() for part in piece.partition("="))
        if not separator or not name:
            raise TiersError(f"{piece!r} is no tier; one is written as name=limit/seconds,limit/seconds")
        if name == UNLIMITED_TIER:
            raise TiersError(f"the tier {name!r} is there already, and has no limits")
        if name in tiers:
            raise TiersError(f"the tier {name!r} is there twice")
        tiers[name] = tuple(_parse_window(window) for window in windows.split(","))
    return tiers


def _parse_window(text: str) -> Window:
    limit, _, period = text.strip().partition("/")
    if not (limit.isdecimal() and period.isdecimal() and int(limit) > 0 and int(period) > 0):
        raise TiersError(f"{text!r} is not a window written as limit/seconds, both whole numbers above 0")
    return Window(int(limit), int(period))
