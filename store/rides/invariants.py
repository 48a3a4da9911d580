"""What must hold at any moment, whoever did what at the same time: the query of every test, and a metric."""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.rides.models import HAS_DRIVER, IS_ACTIVE

_RULES = {
    "a passenger has two active rides": f"""
        SELECT r.passenger_id FROM rides r WHERE r.{IS_ACTIVE} GROUP BY r.passenger_id HAVING count(*) > 1""",
    "a driver is on two rides": f"""
        SELECT r.driver_id FROM rides r WHERE r.{HAS_DRIVER} GROUP BY r.driver_id HAVING count(*) > 1""",
    "a driver is on a ride without having accepted it": f"""
        SELECT r.id::text FROM rides r WHERE (r.{HAS_DRIVER} OR r.status = 'finished') AND NOT EXISTS (
            SELECT FROM offers o WHERE o.ride_id = r.id AND o.driver_id = r.driver_id AND o.status = 'accepted')""",
    "an offer was accepted without an event": """
        SELECT r.id::text FROM rides r WHERE
            (SELECT count(*) FROM offers o WHERE o.ride_id = r.id AND o.status = 'accepted')
            <> (SELECT count(*) FROM ride_events e WHERE e.ride_id = r.id AND e.name = 'matched')""",
    "an unavailable driver is on a ride": f"""
        SELECT r.id::text FROM rides r JOIN drivers d ON d.id = r.driver_id
        WHERE r.{HAS_DRIVER} AND d.status <> 'available'""",
    "an offer is pending for a ride that does not wait for it": """
        SELECT o.id::text FROM offers o JOIN rides r ON r.id = o.ride_id WHERE o.status = 'pending'
            AND (r.status <> 'created' OR r.search_status <> 'offered' OR r.search_id <> o.search_id)""",
    "a ride waits for an offer that is not pending": """
        SELECT r.id::text FROM rides r WHERE r.status = 'created' AND r.search_status = 'offered' AND NOT EXISTS (
            SELECT FROM offers o WHERE o.ride_id = r.id AND o.status = 'pending')""",
    "a driver has two pending offers": """
        SELECT o.driver_id FROM offers o WHERE o.status = 'pending' GROUP BY o.driver_id HAVING count(*) > 1""",
    "an offer is pending for a driver who is unavailable": """
        SELECT o.id::text FROM offers o JOIN drivers d ON d.id = o.driver_id
        WHERE o.status = 'pending' AND d.status <> 'available'""",
    "an offer is pending for a driver who is on a ride": f"""
        SELECT o.id::text FROM offers o JOIN rides r ON r.driver_id = o.driver_id
        WHERE o.status = 'pending' AND r.{HAS_DRIVER}""",
    "a driver was asked twice in one search": """
        SELECT o.search_id || ' ' || o.driver_id FROM offers o GROUP BY o.search_id, o.driver_id
        HAVING count(*) > 1""",
    "a ride and its last event differ": """
        SELECT r.id::text FROM rides r WHERE NOT EXISTS (
            SELECT FROM ride_events e WHERE e.ride_id = r.id AND e.version = r.version
                AND e.status = r.status AND e.search_status = r.search_status)""",
    "a ride has more or fewer events than changes": """
        SELECT r.id::text FROM rides r
        WHERE r.version <> (SELECT count(*) FROM ride_events e WHERE e.ride_id = r.id)""",
    "a ride changed in a way that there is none": """
        SELECT s.ride_id::text FROM (
            SELECT e.ride_id, lag(e.status) OVER (PARTITION BY e.ride_id ORDER BY e.version) AS before, e.status
            FROM ride_events e) s
        WHERE (coalesce(s.before, 'none'), s.status) NOT IN (('none', 'created'), ('created', 'created'),
            ('created', 'matched'), ('created', 'cancelled'), ('matched', 'matched'), ('matched', 'created'),
            ('matched', 'started'), ('matched', 'cancelled'), ('started', 'started'), ('started', 'in-progress'),
            ('started', 'finished'), ('started', 'cancelled'), ('in-progress', 'in-progress'),
            ('in-progress', 'finished'), ('in-progress', 'cancelled'))""",
}
_VIOLATIONS = text(
    " UNION ALL ".join(
        f"(SELECT '{rule}' AS rule, found.key FROM ({query}) AS found(key))" for rule, query in _RULES.items()
    )
)


def violations(session: Session) -> list[str]:
    """Return every breach of a rule, as a sentence with the id that it is about; there ought to be none."""
    return [f"{row.rule}: {row.key}" for row in session.execute(_VIOLATIONS)]
