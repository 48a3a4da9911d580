"""What must hold at any moment, whoever did what at the same time: asked by every test, and every minute by ``heal``.

Tests ask it of all rides. What is asked every minute must not grow with history, so it is about the rides that are
active and those that ended just now, and leaves out what a unique index makes impossible.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import TextClause, text
from sqlalchemy.orm import Session

from store.rides.models import HAS_DRIVER, IS_ACTIVE, IS_GOING_ON

MAX_FOUND = 1000
"""How many breaches of the rules ``violations_now`` looks for: more tell no more."""

_ALL = "rides"
_ACTIVE = f"(SELECT * FROM rides WHERE {IS_GOING_ON})"
# Three times as long as from one look to the next.
_ENDED = "(SELECT * FROM rides WHERE finished_at > now() - interval '3 minutes')"


@dataclass(frozen=True, slots=True)
class _Rule:
    """A query for the keys of what breaks the rule, among the ``{rides}``.

    ``now`` are the rides that it is asked of every minute; ``None``: an index sees to it.
    """

    query: str
    now: str | None


_RULES = {
    "a passenger has two active rides": _Rule(
        f"SELECT r.passenger_id FROM {{rides}} r WHERE r.{IS_ACTIVE} GROUP BY r.passenger_id HAVING count(*) > 1",
        None,
    ),
    "a driver is on two rides": _Rule(
        f"SELECT r.driver_id FROM {{rides}} r WHERE r.{HAS_DRIVER} GROUP BY r.driver_id HAVING count(*) > 1", None
    ),
    "a driver is on a ride without having accepted it": _Rule(
        f"""SELECT r.id::text FROM {{rides}} r WHERE (r.{HAS_DRIVER} OR r.status = 'finished') AND NOT EXISTS (
            SELECT FROM offers o WHERE o.ride_id = r.id AND o.driver_id = r.driver_id AND o.status = 'accepted')""",
        _ACTIVE,
    ),
    "an offer was accepted without an event": _Rule(
        """SELECT r.id::text FROM {rides} r WHERE
            (SELECT count(*) FROM offers o WHERE o.ride_id = r.id AND o.status = 'accepted')
            <> (SELECT count(*) FROM ride_events e WHERE e.ride_id = r.id AND e.name = 'matched')""",
        _ENDED,
    ),
    "an unavailable driver is on a ride": _Rule(
        f"""SELECT r.id::text FROM {{rides}} r JOIN drivers d ON d.id = r.driver_id
            WHERE r.{HAS_DRIVER} AND d.status <> 'available'""",
        _ACTIVE,
    ),
    "an offer is pending for a ride that does not wait for it": _Rule(
        """SELECT o.id::text FROM offers o JOIN rides r ON r.id = o.ride_id WHERE o.status = 'pending'
            AND (r.status <> 'created' OR r.search_status <> 'offered' OR r.search_id <> o.search_id)""",
        _ALL,
    ),
    "a ride waits for an offer that is not pending": _Rule(
        """SELECT r.id::text FROM {rides} r
            WHERE r.status = 'created' AND r.search_status = 'offered' AND NOT EXISTS (
                SELECT FROM offers o WHERE o.ride_id = r.id AND o.resolved_at IS NULL)""",
        _ACTIVE,
    ),
    "a driver has two pending offers": _Rule(
        "SELECT o.driver_id FROM offers o WHERE o.status = 'pending' GROUP BY o.driver_id HAVING count(*) > 1", None
    ),
    "an offer is pending for a driver who is unavailable": _Rule(
        """SELECT o.id::text FROM offers o JOIN drivers d ON d.id = o.driver_id
            WHERE o.status = 'pending' AND d.status <> 'available'""",
        _ALL,
    ),
    "an offer is pending for a driver who is on a ride": _Rule(
        f"""SELECT o.id::text FROM offers o JOIN rides r ON r.driver_id = o.driver_id
            WHERE o.status = 'pending' AND r.{HAS_DRIVER}""",
        _ALL,
    ),
    "a driver was asked twice in one search": _Rule(
        """SELECT o.search_id || ' ' || o.driver_id FROM {rides} r JOIN offers o ON o.ride_id = r.id
            GROUP BY o.search_id, o.driver_id HAVING count(*) > 1""",
        _ENDED,
    ),
    "a ride and its last event differ": _Rule(
        """SELECT r.id::text FROM {rides} r WHERE NOT EXISTS (
            SELECT FROM ride_events e WHERE e.ride_id = r.id AND e.version = r.version
                AND e.status = r.status AND e.search_status = r.search_status)""",
        _ENDED,
    ),
    "a ride has more or fewer events than changes": _Rule(
        """SELECT r.id::text FROM {rides} r
            WHERE r.version <> (SELECT count(*) FROM ride_events e WHERE e.ride_id = r.id)""",
        _ENDED,
    ),
    "a ride changed in a way that there is none": _Rule(
        """SELECT s.ride_id::text FROM (
                SELECT e.ride_id, lag(e.status) OVER (PARTITION BY e.ride_id ORDER BY e.version) AS before, e.status
                FROM {rides} r JOIN ride_events e ON e.ride_id = r.id) s
            WHERE (coalesce(s.before, 'none'), s.status) NOT IN (('none', 'created'), ('created', 'created'),
                ('created', 'matched'), ('created', 'cancelled'), ('matched', 'matched'), ('matched', 'created'),
                ('matched', 'started'), ('matched', 'cancelled'), ('started', 'started'), ('started', 'in-progress'),
                ('started', 'finished'), ('started', 'cancelled'), ('in-progress', 'in-progress'),
                ('in-progress', 'finished'), ('in-progress', 'cancelled'))""",
        _ENDED,
    ),
}


def _union(queries: dict[str, str], end: str = "") -> TextClause:
    parts = [f"(SELECT '{rule}' AS rule, found.key FROM ({query}) AS found(key))" for rule, query in queries.items()]
    return text(" UNION ALL ".join(parts) + end)


# One statement each, so that all rules are asked of one moment.
_VIOLATIONS = _union({name: rule.query.format(rides=_ALL) for name, rule in _RULES.items()})
_VIOLATIONS_NOW = _union(
    {name: rule.query.format(rides=rule.now) for name, rule in _RULES.items() if rule.now is not None},
    f" LIMIT {MAX_FOUND}",
)


def violations(session: Session) -> list[str]:
    """Return every breach of a rule, as a sentence with the id that it is about; there ought to be none."""
    return _sentences(session, _VIOLATIONS)


def violations_now(session: Session) -> list[str]:
    """Return up to ``MAX_FOUND`` breaches that an operator can still do something about.

    What is wrong at the moment is looked for among active rides and pending offers, and what is wrong with a ride's
    history once it has ended: call this at least every three minutes.
    """
    return _sentences(session, _VIOLATIONS_NOW)


def _sentences(session: Session, query: TextClause) -> list[str]:
    return [f"{row.rule}: {row.key}" for row in session.execute(query)]
