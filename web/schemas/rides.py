"""What a passenger may send, and how rides, estimates and the heat map are shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

MAX_NAME_LENGTH = 100

RideStatus = Literal["created", "matched", "started", "in-progress", "finished", "cancelled"]
SearchStatus = Literal["idle", "searching", "offered", "matched", "no_drivers_available"]
UberStatus = Literal[
    "processing",
    "no_drivers_available",
    "accepted",
    "arriving",
    "in_progress",
    "completed",
    "rider_canceled",
    "failed",
]


def plain(text: str) -> str:
    """Return ``text``, which has no control characters."""
    if any(ord(character) < 32 or ord(character) == 127 for character in text):
        raise ValueError("must not contain control characters")
    return text


Name = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_LENGTH, json_schema_extra={"pattern": "^[^\\u0000-\\u001f\\u007f]+$"}),
    AfterValidator(plain),
]
Latitude = Annotated[float, Field(ge=-90, le=90, allow_inf_nan=False, description="Degrees, WGS 84.")]
Longitude = Annotated[float, Field(ge=-180, le=180, allow_inf_nan=False, description="Degrees, WGS 84.")]


class Strict(BaseModel):
    """A body. Strict: "5" is no number and 1 no truth. Forbid: a misspelt field is an error, not a silent default."""

    model_config = ConfigDict(extra="forbid", strict=True)


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class PlaceIn(Strict):
    """A point on the earth."""

    latitude: Latitude
    longitude: Longitude


class RideIn(Strict):
    """A trip, and the kind of car for it."""

    product: Name = Field(description="A product_id from GET /v1/estimates/price.")
    pickup: PlaceIn
    destination: PlaceIn
    search: bool = Field(default=True, description="false: nobody looks for a driver before POST …/search.")


class RideEditIn(Strict):
    """What is to be different about a ride; at least one of the two."""

    pickup: PlaceIn | None = Field(None, description="Only before the ride has started.")
    destination: PlaceIn | None = None


class PriceQuery(_Query):
    """A trip whose price is asked for."""

    product: Annotated[Name | None, Field(description="Default: every product there.")] = None
    start_latitude: Latitude
    start_longitude: Longitude
    end_latitude: Latitude
    end_longitude: Longitude


class TimeQuery(_Query):
    """A place at which somebody would like to be picked up."""

    product: Annotated[Name | None, Field(description="Default: every product there.")] = None
    start_latitude: Latitude
    start_longitude: Longitude


class HeatMapQuery(_Query):
    """Which city's heat map."""

    city: Name


class PlaceOut(BaseModel):
    """A point on the earth."""

    latitude: float
    longitude: float


class PickupOut(PlaceOut):
    """Where the ride begins. ``eta_s``: how long the driver still needs to get there, as ``eta_source`` estimates.

    It is null again once the driver has arrived.
    """

    eta_s: int | None
    eta_source: str | None


class DestinationOut(PlaceOut):
    """Where the ride ends. ``eta_s``: how long it still takes to get there, as ``eta_source`` estimates."""

    eta_s: int | None
    eta_source: str | None


class LocationOut(PlaceOut):
    """Where the driver was ``age_s`` ago, at ``at``."""

    bearing: float | None = Field(description="Degrees clockwise from north.")
    at: datetime
    age_s: float


class VehicleOut(BaseModel):
    """What to look out for."""

    make: str
    model: str
    plate: str
    colour: str


class RideDriverOut(BaseModel):
    """Who drives."""

    id: str
    name: str
    vehicle: VehicleOut


class PriceOut(BaseModel):
    """What the trip is expected to cost, with the surge in it."""

    low: str = Field(pattern="^\\d+(\\.\\d+)?$", description="A decimal number.")
    high: str = Field(pattern="^\\d+(\\.\\d+)?$", description="A decimal number.")
    currency: str
    surge: float


class DistanceQualityOut(BaseModel):
    """How good ``distance_travelled_m`` is: ``gaps`` in the positions were bridged by an estimate."""

    gaps: int


class RideOut(BaseModel):
    """A ride. ``driver``, ``location`` and the times to go are null until a driver has accepted it."""

    id: UUID
    status: RideStatus
    uber_status: UberStatus = Field(description="The status in Uber's words.")
    search_status: SearchStatus
    passenger_id: str
    driver: RideDriverOut | None
    product: str
    city: str
    pickup: PickupOut
    destination: DestinationOut
    location: LocationOut | None
    price: PriceOut
    distance_m: int = Field(description="Of the trip as it was estimated.")
    duration_s: int
    distance_travelled_m: int
    distance_quality: DistanceQualityOut
    cancelled_by: Literal["passenger", "system"] | None
    status_detail: str | None
    version: int
    poll_after_s: int | None = Field(description="When asking again makes sense; null: nothing will change.")
    created_at: datetime
    matched_at: datetime | None
    arrived_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


class PriceEstimateOut(BaseModel):
    """What one product is expected to cost; ``distance`` in metres, ``duration`` in seconds."""

    product_id: str
    display_name: str
    currency_code: str
    estimate: str
    low_estimate: float
    high_estimate: float
    surge_multiplier: float
    distance: int
    distance_unit: Literal["metre"]
    duration: int


class PriceEstimatesOut(BaseModel):
    """A price for each product."""

    prices: list[PriceEstimateOut]


class TimeEstimateOut(BaseModel):
    """How many seconds the nearest driver needs; ``estimate`` null: there is none."""

    product_id: str
    display_name: str
    estimate: int | None
    eta_source: str | None


class TimeEstimatesOut(BaseModel):
    """A time for each product."""

    times: list[TimeEstimateOut]


class HeatMapCellOut(BaseModel):
    """One cell with anybody in it: who waits there, who is free there, and the multiplier of prices."""

    product_id: str
    cell: str = Field(description="H3, resolution 8.")
    demand: int
    supply: int
    surge: float


class HeatMapOut(BaseModel):
    """Demand and supply in a city; at most a few seconds old."""

    city: str
    cells: list[HeatMapCellOut]
