"""What healing ends because nobody else will: the wait of drivers who are silent, and rides that are forgotten."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from sqlalchemy.orm import Session

from domain.rides.model import Actor
from store.prepared import Prepared
from store.rides import locks
from store.rides.drivers import give_back
from store.rides.models import HAS_DRIVER, IS_GOING_ON
from store.rides.records import driver_columns
from store.rides.statements import Change, statement

QUIET_S = 24 * 3600.0
"""For how long nothing must have been heard before drivers are set unavailable, and rides cancelled."""
CHUNK = 500
"""How many rides one transaction cancels at most."""
FORGOTTEN = "no driver was searched for within a day"
"""The ``status_detail`` of a ride that was cancelled because it was forgotten."""

_IS_QUIET = f"updated_at < statement_timestamp() - interval '{QUIET_S:.0f} seconds'"
_QUIET_DRIVERS = Prepared(f"""
SELECT d.id FROM drivers d WHERE d.city = :city AND d.status = 'available' AND d.{_IS_QUIET}
    AND d.id NOT IN (SELECT r.driver_id FROM rides r WHERE r.{HAS_DRIVER})
""")
_RETIRE = Prepared(f"""
UPDATE drivers d SET status = 'unavailable', status_since = clock_timestamp(), updated_at = clock_timestamp()
WHERE d.id = :driver_id AND d.status <> 'unavailable' AND d.{_IS_QUIET} RETURNING {driver_columns("d")}
""")
_WITHDRAW = give_back("offer_withdrawn", "withdrawn")


def quiet_drivers(session: Session, city: str) -> list[str]:
    """Return who is available without a ride and has said nothing for a day; of positions nothing is known here."""
    return [cast("str", id_) for (id_,) in _QUIET_DRIVERS.run(session, {"city": city})]


def retire(session: Session, driver_id: str) -> bool:
    """Set one of the ``quiet_drivers`` unavailable, unless that is no longer so; tell whether it was done."""
    _, offer = locks.lock_driver_and_offer(session, driver_id)
    if locks.active_ride(session, driver_id) or not _RETIRE.run(session, {"driver_id": driver_id}):
        return False
    if offer is not None:
        _WITHDRAW.run(session, {"offer_id": offer.id, "driver_id": driver_id})
    return True


# No order: who skips what is locked waits for nobody, and to find them in order all rides might be gone through.
_LOCK_FORGOTTEN = Prepared(f"""
SELECT r.id FROM rides r WHERE r.{IS_GOING_ON} AND r.status = 'created' AND r.search_status <> 'searching'
    AND r.search_status <> 'offered' AND r.{_IS_QUIET} LIMIT {CHUNK} FOR NO KEY UPDATE SKIP LOCKED
""")
_CANCEL_FORGOTTEN = statement(
    Change(
        event="cancelled",
        actor=Actor.SYSTEM,
        assign=f"status = 'cancelled', cancelled_by = '{Actor.SYSTEM}', status_detail = '{FORGOTTEN}',"
        " finished_at = clock_timestamp()",
        guard="r.id = ANY(:ride_ids)",
        detail="jsonb_build_object('reason', r.status_detail)",
    )
)


def cancel_forgotten(session: Session) -> list[UUID]:
    """Cancel rides for which nobody was searched for a day, so that their passengers may order another one.

    Each was created without a search or has had one without success, and nothing has changed about it since. Return
    their ids, up to ``CHUNK``; whatever is locked at the moment is not forgotten.
    """
    ride_ids = [cast("UUID", id_) for (id_,) in _LOCK_FORGOTTEN.run(session, {})]
    if ride_ids:
        _CANCEL_FORGOTTEN.run(session, {"ride_ids": ride_ids})
    return ride_ids
