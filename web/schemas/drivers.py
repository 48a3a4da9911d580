"""What a driver may send, and how drivers and offers are shown."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from web.schemas.rides import Latitude, Longitude, Name, PlaceOut, PriceOut, Strict, VehicleOut

MAX_FIXES = 100

_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _moment(value: object) -> datetime:
    try:
        if isinstance(value, str) and _RFC_3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError):
        pass  # The thirtieth of February, or a moment before the year 1 in UTC.
    raise ValueError("must be a time with its offset from UTC (RFC 3339)")


Moment = Annotated[datetime, BeforeValidator(_moment)]


class VehicleIn(Strict):
    """What a passenger looks out for."""

    make: Name
    model: Name
    plate: Name
    colour: Name


class DriverIn(Strict):
    """A driver, the car, and what for whom: ``product`` in ``city``."""

    name: Name
    vehicle: VehicleIn
    product: Name
    city: Name


class DriverStatusIn(Strict):
    """Whether the driver would like to be offered rides."""

    status: Literal["available", "unavailable"]


class FixIn(Strict):
    """One position of the phone."""

    latitude: Latitude
    longitude: Longitude
    at: Moment = Field(description="When the phone was there, with the offset from UTC (RFC 3339).")
    accuracy_m: float = Field(0.0, ge=0, le=1_000_000, allow_inf_nan=False)
    bearing: float | None = Field(
        None, ge=0, le=360, allow_inf_nan=False, description="Degrees clockwise from north."
    )


class FixesIn(Strict):
    """Positions since the last push, in any order."""

    fixes: list[FixIn] = Field(min_length=1, max_length=MAX_FIXES)


class OfferQuery(BaseModel):
    """Of the request for an offer, which may wait."""

    model_config = ConfigDict(extra="forbid")

    wait: Annotated[
        float,
        Field(ge=0, le=3600, allow_inf_nan=False, description="Seconds to wait for an offer; capped by the server."),
    ] = 0


class DriverOut(BaseModel):
    """A driver as the driver sees it. ``ride_id`` is the ride that is being driven."""

    id: str
    name: str
    vehicle: VehicleOut
    product: str
    city: str
    status: Literal["available", "unavailable"]
    status_since: datetime
    idle_since: datetime
    ride_id: UUID | None


class LocationsOut(BaseModel):
    """What became of a push: fixes ``accepted``, and how many were ``dropped`` for each reason."""

    accepted: int
    dropped: dict[str, int]
    ride_id: UUID | None


class OfferOut(BaseModel):
    """A ride that a driver may take until ``expires_at``."""

    id: UUID
    ride_id: UUID
    status: Literal["pending", "accepted", "declined", "expired", "withdrawn"]
    pickup: PlaceOut
    destination: PlaceOut
    pickup_eta_s: int
    eta_source: str
    distance_m: int
    duration_s: int
    price: PriceOut
    expires_at: datetime
