"""The one builder of a ride's changes: a guarded UPDATE, its event and its notification as a single statement.

A statement is all or nothing, so a change can neither lose its event nor wake anybody before it is visible. The guard
in the UPDATE's own WHERE refuses whatever the ride's present state forbids.

Whoever locks several rows does it in this order, each kind by id, and never goes back; any other order deadlocks:
the advisory lock of a city (``ticks.ENDS_LOCK``) → ``ride_ticks`` → ``rides`` → ``drivers`` → ``offers`` →
``ride_events``. A change that touches its ride alone needs no lock before it. Within a statement the order of its
parts is not certain, so one that touches offers as well comes after the ride's lock, and after the driver's if the
driver may get busy or away by it.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.rides.model import Actor
from store.prepared import Prepared
from store.rides.channels import CHANGED, NOBODY
from store.rides.records import ride_columns

SEARCH_S = 300.0
"""For how long a driver is looked for before the search gives up."""

VOID_OFFER = """void AS (UPDATE offers o SET status = 'withdrawn', resolved_at = clock_timestamp()
    WHERE o.ride_id = :ride_id AND o.resolved_at IS NULL RETURNING o.driver_id)"""
VOIDED_DRIVER = "(SELECT void.driver_id FROM void)"
# The one row is looked up as a value and not joined: a plan that was made early may walk all drivers for a join.
FREE_DRIVER = """freed AS (UPDATE drivers d SET idle_since = clock_timestamp(), updated_at = clock_timestamp()
    WHERE d.id = (SELECT c.told_driver FROM changed c WHERE {when}))"""


@dataclass(frozen=True, slots=True)
class Change:
    """One way in which rides change.

    ``source`` and ``guard`` choose the rows ``r``; ``assign`` changes them. ``prelude`` and ``sequel`` are CTEs
    before and after that, which is called ``changed``. ``told`` is the driver whom it concerns, and ``detail`` goes
    into the event; both are SQL expressions that may use ``r`` (as it has become), the source and the prelude.
    """

    event: str
    actor: Actor
    assign: str
    guard: str
    prelude: str = ""
    source: str = ""
    sequel: str = ""
    told: str = "r.driver_id"
    detail: str = "'{}'::jsonb"


def statement(change: Change) -> Prepared:
    """Build the statement that makes ``change``; it returns the changed rides."""
    parts = [change.prelude] if change.prelude else []
    source = f"FROM {change.source}" if change.source else ""
    parts.append(
        f"changed AS (UPDATE rides r SET {change.assign}, version = r.version + 1, updated_at = clock_timestamp()"
        f" {source} WHERE {change.guard} RETURNING r.*, {change.told} AS told_driver, {change.detail} AS detail)"
    )
    parts.append(write_events(change.event, change.actor))
    if change.sequel:
        parts.append(change.sequel)
    return Prepared(f"WITH {', '.join(parts)} SELECT {ride_columns('c')}, {notify('c.told_driver')} FROM changed c")


def new_search(excluded: str = "'{}'") -> str:
    """Return the assignments that begin a search, with some drivers excluded (an SQL expression) from the start."""
    # Not now(): that is the transaction's begin, and a wait for the ride's lock would make it the past.
    return (
        f"search_status = 'searching', search_id = gen_random_uuid(), excluded_drivers = {excluded},"
        f" search_deadline = clock_timestamp() + interval '{SEARCH_S:.0f} seconds'"
    )


def write_events(event: str, actor: Actor) -> str:
    """Return the CTE that writes one event for each row of ``changed``."""
    return (
        "events AS (INSERT INTO ride_events (ride_id, name, actor, status, search_status, version, detail)"
        f" SELECT c.id, '{event}', '{actor}', c.status, c.search_status, c.version, c.detail FROM changed c)"
    )


def notify(driver: str) -> str:
    """Return the call that tells of a change of the ride ``c`` which concerns ``driver``, an SQL expression."""
    return f"pg_notify('{CHANGED}', c.id::text || ' ' || coalesce({driver}, '{NOBODY}') || ' ' || c.version)"
