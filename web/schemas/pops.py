"""How POPs are described and shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field

from domain.cache_refreshes.pops import MAX_ADDRESS_LENGTH, InvalidAddressError, parse_address
from web.schemas.rides import Name, Strict

MAX_BYTES = 2**53 - 1


def _address(text: str) -> str:
    try:
        return parse_address(text)
    except InvalidAddressError as error:
        raise ValueError(str(error)) from error


Address = Annotated[str, Field(max_length=MAX_ADDRESS_LENGTH), AfterValidator(_address)]
Clock = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Bytes = Annotated[int, Field(ge=1, le=MAX_BYTES)]


class FillWindowIn(Strict):
    """From when to when a POP is filled, each day by the clock of its place; it may go over midnight."""

    start: Clock
    end: Clock
    timezone: Name = Field(description="Of the IANA database: Asia/Kolkata.")


class PopIn(Strict):
    """A POP. Where ``control_url`` is left out, it is driven at ``url``."""

    region: Name
    url: Address = Field(description="Where viewers find it: http://host:port.")
    control_url: Address | None = None
    driver: Literal["varnish", "nginx", "embedded"]
    capacity_bytes: Bytes
    fill_window: FillWindowIn | None = None
    max_bytes_per_s: Bytes | None = None
    is_enabled: bool = True


class FillWindowOut(BaseModel):
    """From when to when a POP is filled."""

    start: str
    end: str
    timezone: str


class PopTrafficOut(BaseModel):
    """What a POP's counters said ``at`` that moment, since it was started; the ratio is of the last hour."""

    at: datetime
    hits: int
    misses: int
    hit_ratio: float | None
    sent_bytes: int
    objects: int
    stored_bytes: int


class PopOut(BaseModel):
    """A POP, how it was found last, and how many ``objects`` that it should hold are in each state."""

    name: str
    region: str
    url: str
    control_url: str
    driver: Literal["varnish", "nginx", "embedded"]
    capacity_bytes: int
    fill_window: FillWindowOut | None
    max_bytes_per_s: int | None
    is_enabled: bool
    is_healthy: bool
    last_seen_at: datetime | None
    last_error: str | None
    traffic: PopTrafficOut | None
    objects: dict[str, int]


class PopsOut(BaseModel):
    """All POPs."""

    pops: list[PopOut]
