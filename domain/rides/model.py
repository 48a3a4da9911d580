"""The vocabulary of rides: statuses, places, records of what the database holds, and refusals.

Distances are metres, durations seconds, prices minor units of their currency (cents), times aware UTC.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID


class RideStatus(StrEnum):
    """Where a ride is in its life; ``docs/rides.md`` has every transition and who makes it."""

    CREATED = "created"
    MATCHED = "matched"
    STARTED = "started"
    IN_PROGRESS = "in-progress"
    FINISHED = "finished"
    CANCELLED = "cancelled"

    @property
    def is_active(self) -> bool:
        """Tell whether the ride keeps its passenger from creating another one."""
        return self not in (RideStatus.FINISHED, RideStatus.CANCELLED)

    @property
    def has_driver(self) -> bool:
        """Tell whether the ride keeps its driver from driving another one."""
        return self in (RideStatus.MATCHED, RideStatus.STARTED, RideStatus.IN_PROGRESS)


class SearchStatus(StrEnum):
    """How far the search for a driver is; it matters while the ride is ``created``."""

    IDLE = "idle"
    SEARCHING = "searching"
    OFFERED = "offered"
    MATCHED = "matched"
    NO_DRIVERS_AVAILABLE = "no_drivers_available"


class OfferStatus(StrEnum):
    """What became of an offer; all but ``pending`` are final."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"


class DriverStatus(StrEnum):
    """What a driver said; whether one is on a ride is the rides' to know."""

    AVAILABLE = "available"
    UNAVAILABLE = "unavailable"


class Actor(StrEnum):
    """Who made a transition."""

    PASSENGER = "passenger"
    DRIVER = "driver"
    SYSTEM = "system"


@dataclass(frozen=True, slots=True)
class Place:
    """A point on the earth, WGS 84 degrees: latitude in [-90, 90], longitude in [-180, 180]."""

    latitude: float
    longitude: float


@dataclass(frozen=True, slots=True)
class Fix:
    """One position of a driver, as a phone tells it. ``bearing`` is degrees clockwise from north."""

    place: Place
    at: datetime
    accuracy_m: float = 0.0
    bearing: float | None = None


@dataclass(frozen=True, slots=True)
class Vehicle:
    """What a passenger looks out for."""

    make: str
    model: str
    plate: str
    colour: str


@dataclass(frozen=True, slots=True)
class Driver:
    """A driver's row. ``idle_since`` is when the driver last became free: what fairness goes by."""

    id: str
    name: str
    vehicle: Vehicle
    product: str
    city: str
    status: DriverStatus
    status_since: datetime
    idle_since: datetime


@dataclass(frozen=True, slots=True)
class Quote:
    """What a trip is expected to be: its estimate is given before the ride and kept with it."""

    distance_m: int
    duration_s: int
    price_low: int
    price_high: int
    currency: str
    surge: float


@dataclass(frozen=True, slots=True)
class NewRide:
    """What ``store.rides.rides.create`` writes. Without ``is_searching`` nobody looks for a driver yet."""

    passenger_id: str
    city: str
    product: str
    pickup: Place
    destination: Place
    quote: Quote
    is_searching: bool = True


@dataclass(frozen=True, slots=True)
class Ride:
    """A ride's row. ``version`` grows with every change; ``excluded_drivers`` holds for the present search only."""

    id: UUID
    passenger_id: str
    driver_id: str | None
    city: str
    product: str
    status: RideStatus
    search_status: SearchStatus
    search_id: UUID | None
    search_started_at: datetime | None
    search_deadline: datetime | None
    excluded_drivers: tuple[str, ...]
    pickup: Place
    destination: Place
    quote: Quote
    distance_travelled_m: int
    gaps: int
    last_fix: Fix | None
    cancelled_by: Actor | None
    status_detail: str | None
    version: int
    created_at: datetime
    matched_at: datetime | None
    arrived_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer's row: one driver may take one ride until ``expires_at``, by the database's clock."""

    id: UUID
    ride_id: UUID
    driver_id: str
    search_id: UUID
    status: OfferStatus
    pickup_eta_s: int
    eta_source: str
    expires_at: datetime
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RideEvent:
    """One change of a ride; ``id`` grows in the order of the ride's changes."""

    id: int
    ride_id: UUID
    at: datetime
    name: str
    actor: Actor
    status: RideStatus
    search_status: SearchStatus
    version: int
    detail: dict[str, object]


@dataclass(frozen=True, slots=True)
class OpenSearch:
    """A ride that waits for an offer, as a tick sees it."""

    ride_id: UUID
    search_id: UUID
    product: str
    pickup: Place
    searching_since: datetime
    excluded_drivers: frozenset[str]


@dataclass(frozen=True, slots=True)
class NewOffer:
    """What a tick decided: ``driver_id`` is to be asked for ``ride_id``, within the search ``search_id``."""

    ride_id: UUID
    search_id: UUID
    driver_id: str
    pickup_eta_s: int
    eta_source: str


class RideError(Exception):
    """A call on a ride that is refused; nothing was written. ``ride`` is the ride as it is, where that helps."""

    code = "ride_error"

    def __init__(self, message: str, ride: Ride | None = None) -> None:
        super().__init__(message)
        self.ride = ride


class RideNotFoundError(RideError):
    """There is no such ride or offer, or it is another's."""

    code = "not_found"


class DriverNotFoundError(RideError):
    """The caller has not registered as a driver."""

    code = "not_a_driver"


class CurrentTripExistsError(RideError):
    """The passenger has an active ride already: ``ride``."""

    code = "current_trip_exists"


class IdempotencyMismatchError(RideError):
    """The idempotency key made a ride before, from another request."""

    code = "idempotency_key_reused"


class OfferExpiredError(RideError):
    """The offer is no longer open: too late, withdrawn, or declined."""

    code = "offer_expired"


class RideTakenError(RideError):
    """The ride went to another driver or is no longer to be had."""

    code = "ride_already_taken"


class DriverBusyError(RideError):
    """The driver is on another ride."""

    code = "driver_busy"


class InvalidTransitionError(RideError):
    """The ride's present status does not allow it; ``ride.status`` names it."""

    code = "invalid_transition"
