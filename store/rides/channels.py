"""The NOTIFY channel of rides, and how its payloads are read."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

CHANGED = "rides_changed"
"""Payload: a ride's id, the driver whom the change concerns (``-``: none) and the ride's version, parted by spaces.

Each change has one: it is sent in the change's own transaction, so whoever hears of it can read it.
"""

NOBODY = "-"


@dataclass(frozen=True, slots=True)
class RideChange:
    """What ``CHANGED`` says. The driver drives the ride, or is or was asked for it."""

    ride_id: UUID
    driver_id: str | None
    version: int


def parse_change(payload: str) -> RideChange | None:
    """Read a payload of ``CHANGED``; ``None`` if it is none: anybody with a connection can notify anything."""
    # A driver's id may have spaces in it, so the two others are taken off the ends.
    ride_id, _, rest = payload.partition(" ")
    driver_id, _, version = rest.rpartition(" ")
    try:
        return RideChange(UUID(ride_id), None if driver_id == NOBODY else driver_id, int(version))
    except ValueError:
        return None
