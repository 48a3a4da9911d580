"""The tables of rides. Reads and transitions are in the modules beside this one.

Wrong states are made impossible here, by checks and partial unique indexes; the code only says which right one comes
next.
"""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Double, ForeignKey, Index, Numeric, text
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, mapped_column

from store.db import Base

Moment = DateTime(timezone=True)
# Checks below make the two ways to say that a ride is active, and the three to say that an offer is pending, one and
# the same, but the planner does not know that. A plan that is made while the tables are empty takes any partial index
# whose condition the query implies, and is kept. So each index has a spelling of its own, which its queries use:
# among active rides a passenger is looked for by IS_GOING_ON, and a driver by HAS_DRIVER; IS_ACTIVE has no index.
IS_ACTIVE = "status IN ('created', 'matched', 'started', 'in-progress')"
IS_GOING_ON = "finished_at IS NULL"
IS_OVER = "finished_at IS NOT NULL"
HAS_DRIVER = "status IN ('matched', 'started', 'in-progress')"
IS_OPEN = "status = 'created' AND search_status IN ('searching', 'offered')"
# Pending offers are looked for by driver with the first, by ride with the second, by expiry with the third.
IS_PENDING = "status = 'pending'"
IS_UNRESOLVED = "resolved_at IS NULL"
MAY_EXPIRE = "coalesce(resolved_at, 'infinity') = 'infinity'"


class DriverRow(Base):
    """A driver, who is the owner of an API key.

    ``status`` is what the driver said. That one is on a ride is the rides' to know: a second flag for it would drift.
    ``idle_since`` is when the driver last became free, by going available or by the end of a ride.
    """

    __tablename__ = "drivers"

    id: Mapped[str] = mapped_column(TEXT, primary_key=True)
    name: Mapped[str] = mapped_column(TEXT)
    vehicle: Mapped[dict[str, object]] = mapped_column(JSONB)
    product: Mapped[str] = mapped_column(TEXT)
    city: Mapped[str] = mapped_column(TEXT)
    status: Mapped[str] = mapped_column(TEXT, server_default=text("'unavailable'"))
    status_since: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    idle_since: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))

    __table_args__ = (
        CheckConstraint("status IN ('available', 'unavailable')", name="status"),
        Index("drivers_available_idx", "city", "id", postgresql_where=text("status = 'available'")),
    )


class RideRow(Base):
    """A ride, from its wish to its end.

    ``version`` grows by one with every change, each of which is an event. ``search_id`` is the fencing token of a
    search: what was decided for an earlier one can write nothing. ``excluded_drivers`` were asked within this search
    and are not asked again. ``finished_at`` is the end of a cancelled ride, too. Prices are minor units.
    """

    __tablename__ = "rides"

    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True)
    passenger_id: Mapped[str] = mapped_column(TEXT)
    driver_id: Mapped[str | None] = mapped_column(ForeignKey("drivers.id"))
    city: Mapped[str] = mapped_column(TEXT)
    product: Mapped[str] = mapped_column(TEXT)
    status: Mapped[str] = mapped_column(TEXT, server_default=text("'created'"))
    search_status: Mapped[str] = mapped_column(TEXT, server_default=text("'idle'"))
    search_id: Mapped[UUID | None] = mapped_column(PG_UUID(as_uuid=True))
    search_started_at: Mapped[datetime | None] = mapped_column(Moment)
    search_deadline: Mapped[datetime | None] = mapped_column(Moment)
    excluded_drivers: Mapped[list[str]] = mapped_column(ARRAY(TEXT), server_default=text("'{}'"))
    pickup_latitude: Mapped[float] = mapped_column(Double)
    pickup_longitude: Mapped[float] = mapped_column(Double)
    destination_latitude: Mapped[float] = mapped_column(Double)
    destination_longitude: Mapped[float] = mapped_column(Double)
    distance_m: Mapped[int]
    duration_s: Mapped[int]
    price_low: Mapped[int]
    price_high: Mapped[int]
    currency: Mapped[str] = mapped_column(TEXT)
    surge: Mapped[Decimal] = mapped_column(Numeric(4, 2))
    distance_travelled_m: Mapped[int] = mapped_column(server_default=text("0"))
    gaps: Mapped[int] = mapped_column(server_default=text("0"))
    last_fix: Mapped[dict[str, object] | None] = mapped_column(JSONB)
    cancelled_by: Mapped[str | None] = mapped_column(TEXT)
    status_detail: Mapped[str | None] = mapped_column(TEXT)
    version: Mapped[int] = mapped_column(server_default=text("1"))
    idempotency_key: Mapped[str | None] = mapped_column(TEXT)
    fingerprint: Mapped[bytes | None] = mapped_column(BYTEA)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    matched_at: Mapped[datetime | None] = mapped_column(Moment)
    arrived_at: Mapped[datetime | None] = mapped_column(Moment)
    started_at: Mapped[datetime | None] = mapped_column(Moment)
    finished_at: Mapped[datetime | None] = mapped_column(Moment)
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))

    __table_args__ = (
        CheckConstraint(
            "status IN ('created', 'matched', 'started', 'in-progress', 'finished', 'cancelled')", name="status"
        ),
        CheckConstraint(
            "search_status IN ('idle', 'searching', 'offered', 'matched', 'no_drivers_available')",
            name="search_status",
        ),
        CheckConstraint(
            "search_status NOT IN ('searching', 'offered')"
            " OR (status = 'created' AND search_id IS NOT NULL AND search_deadline IS NOT NULL)",
            name="search",
        ),
        CheckConstraint("status <> 'created' OR driver_id IS NULL", name="no_driver"),
        CheckConstraint(f"NOT ({HAS_DRIVER} OR status = 'finished') OR driver_id IS NOT NULL", name="driver"),
        CheckConstraint("(status = 'cancelled') = (cancelled_by IS NOT NULL)", name="cancelled"),
        CheckConstraint("cancelled_by IN ('passenger', 'driver', 'system')", name="cancelled_by"),
        CheckConstraint("(status IN ('finished', 'cancelled')) = (finished_at IS NOT NULL)", name="finished"),
        CheckConstraint("price_low <= price_high", name="price"),
        Index("rides_active_passenger_key", "passenger_id", unique=True, postgresql_where=text(IS_GOING_ON)),
        Index("rides_active_driver_key", "driver_id", unique=True, postgresql_where=text(HAS_DRIVER)),
        Index("rides_idempotency_key", "passenger_id", "idempotency_key", unique=True,
              postgresql_where=text("idempotency_key IS NOT NULL")),
        Index("rides_passenger_idx", "passenger_id", "id", postgresql_where=text(IS_OVER)),
        Index("rides_driver_idx", "driver_id", "id", postgresql_where=text(IS_OVER)),
        Index("rides_open_idx", "city", "id", postgresql_where=text(IS_OPEN)),
        Index("rides_finished_at_idx", "finished_at", postgresql_where=text(IS_OVER)),
    )  # fmt: skip


class OfferRow(Base):
    """A driver who is, or was, asked to take a ride. The one pending offer of a ride is exclusive."""

    __tablename__ = "offers"

    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True)
    ride_id: Mapped[UUID] = mapped_column(ForeignKey("rides.id", ondelete="CASCADE"))
    driver_id: Mapped[str] = mapped_column(ForeignKey("drivers.id"))
    search_id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True))
    status: Mapped[str] = mapped_column(TEXT, server_default=text("'pending'"))
    pickup_eta_s: Mapped[int]
    eta_source: Mapped[str] = mapped_column(TEXT)
    expires_at: Mapped[datetime] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("clock_timestamp()"))
    resolved_at: Mapped[datetime | None] = mapped_column(Moment)

    __table_args__ = (
        CheckConstraint("status IN ('pending', 'accepted', 'declined', 'expired', 'withdrawn')", name="status"),
        CheckConstraint("(status = 'pending') = (resolved_at IS NULL)", name="resolved"),
        Index("offers_pending_driver_key", "driver_id", unique=True, postgresql_where=text(IS_PENDING)),
        Index("offers_pending_ride_key", "ride_id", unique=True, postgresql_where=text(IS_UNRESOLVED)),
        Index("offers_expires_at_idx", "expires_at", postgresql_where=text(MAY_EXPIRE)),
        Index("offers_ride_id_idx", "ride_id"),
    )


class RideEventRow(Base):
    """A change that happened: the audit trail, and the feed of a ride's event stream.

    A ride has one event for each of its versions, and the last one says what the row says.
    """

    __tablename__ = "ride_events"

    id: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=True)
    ride_id: Mapped[UUID] = mapped_column(ForeignKey("rides.id", ondelete="CASCADE"))
    at: Mapped[datetime] = mapped_column(Moment, server_default=text("clock_timestamp()"))
    name: Mapped[str] = mapped_column(TEXT)
    actor: Mapped[str] = mapped_column(TEXT)
    status: Mapped[str] = mapped_column(TEXT)
    search_status: Mapped[str] = mapped_column(TEXT)
    version: Mapped[int]
    detail: Mapped[dict[str, object]] = mapped_column(JSONB, server_default=text("'{}'"))

    __table_args__ = (Index("ride_events_version_key", "ride_id", "version", unique=True),)


class RideFixRow(Base):
    """An accepted position of a ride under way: how its distance came about."""

    __tablename__ = "ride_fixes"

    ride_id: Mapped[UUID] = mapped_column(ForeignKey("rides.id", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, primary_key=True)
    latitude: Mapped[float] = mapped_column(Double)
    longitude: Mapped[float] = mapped_column(Double)
    accuracy_m: Mapped[float] = mapped_column(Double)


class RideTickRow(Base):
    """A city's matching: who does it now (the lease), when it was last done, and the job that does it next."""

    __tablename__ = "ride_ticks"

    city: Mapped[str] = mapped_column(TEXT, primary_key=True)
    lease_id: Mapped[UUID | None] = mapped_column(PG_UUID(as_uuid=True))
    lease_until: Mapped[datetime | None] = mapped_column(Moment)
    ticked_at: Mapped[datetime | None] = mapped_column(Moment)
    # No foreign key: the jobs' retention deletes them whenever it likes.
    job_id: Mapped[UUID | None] = mapped_column(PG_UUID(as_uuid=True))

    __table_args__ = (CheckConstraint("(lease_id IS NULL) = (lease_until IS NULL)", name="lease"),)
