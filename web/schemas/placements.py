"""What POPs are to hold of the videos, how it is asked for, and how it is shown."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from web.schemas.cache_refreshes import Reason
from web.schemas.rides import Strict
from web.schemas.videos import REGION_PATTERN

MAX_DAYS = 90


class PlacementIn(Strict):
    """That it is decided anew what POPs are to hold."""

    reason: Reason


class PlacementQuery(BaseModel):
    """Which days are shown, and of whose requests."""

    model_config = ConfigDict(extra="forbid")

    days: Annotated[int, Field(ge=1, le=MAX_DAYS, description="Today and those before it (UTC).")] = 7
    region: Annotated[
        str | None, Field(pattern=REGION_PATTERN, description="Only requests of viewers of this region.")
    ] = None


class MissesOut(BaseModel):
    """Renditions that were asked for and not served from where the viewer was sent to, by the reason."""

    not_placed: int
    not_filled: int
    pop_down: int


class PlacementDayOut(BaseModel):
    """A day (UTC) of a POP.

    ``requests`` are renditions that were asked for by viewers who were sent there; ``real_hit_ratio`` is the share of
    them that it was proven to hold. ``counted_hit_ratio`` is of the POP's own counters, which count each object.
    """

    day: dt.date
    predicted_hit_ratio: float | None
    real_hit_ratio: float | None
    counted_hit_ratio: float | None
    requests: int
    hits: int
    misses: MissesOut


class PlacementOut(BaseModel):
    """What a POP is to hold: how many renditions, of how many bytes in all; and when and by whom it was decided."""

    pop: str
    region: str
    capacity_bytes: int
    used_bytes: int
    renditions: int
    predicted_hit_ratio: float | None
    made_at: dt.datetime | None
    by: str | None
    days: list[PlacementDayOut]


class PlacementsOut(BaseModel):
    """What all POPs are to hold."""

    placements: list[PlacementOut]
