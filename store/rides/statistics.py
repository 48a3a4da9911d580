"""Counts and times of all rides, for operators' metrics: what is so now, and what happened within the last minute.

No query's cost grows with history: each goes along an index of what is active, or of what is new.
"""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.orm import Session

from store.rides.models import IS_GOING_ON, IS_OPEN
from store.rides.ticks import JOB_KIND


@dataclass(frozen=True, slots=True)
class ActiveRides:
    """The active rides of a status, and for how long the oldest has been ordered, matched or started."""

    status: str
    rides: int
    oldest_age_s: float


@dataclass(frozen=True, slots=True)
class OpenSearches:
    """The open searches of a city that are in one state."""

    city: str
    search_status: str
    searches: int


@dataclass(frozen=True, slots=True)
class CityTicks:
    """A city's ticks that ended within the last minute, without those that found another at work.

    ``unserved_max`` and ``solver_s_max`` are of the worst of them; a search that goes without is in each.
    """

    city: str
    ticks: int
    index_away: int
    offers: int
    given_up: int
    greedy_rides: int
    unserved_max: int
    solver_s_max: float


@dataclass(frozen=True, slots=True)
class RulesCheck:
    """How many breaches of the rules the last look for them found, and how long ago that was.

    ``None``: nobody has looked within the last hour, and ``age_s`` is that hour.
    """

    violations: int | None
    age_s: float


@dataclass(frozen=True, slots=True)
class Times:
    """Median and 95th percentile of some durations, in seconds; ``None`` where there was not one."""

    p50_s: float | None
    p95_s: float | None


_ACTIVE = text(f"""
SELECT r.status, count(*) AS rides,
    extract(epoch FROM now() - min(coalesce(r.started_at, r.matched_at, r.created_at)))::float AS oldest_age_s
FROM rides r WHERE r.{IS_GOING_ON} GROUP BY r.status
""")
_OPEN = text(f"SELECT r.city, r.search_status, count(*) AS searches FROM rides r WHERE r.{IS_OPEN} GROUP BY 1, 2")
_AVAILABLE = text("SELECT d.city, count(*) AS drivers FROM drivers d WHERE d.status = 'available' GROUP BY d.city")
# Once a minute; what is older says nothing of now.
_FINDABLE = text("""
SELECT j.result->'findable_drivers' AS drivers FROM jobs j
WHERE j.kind = :kind AND j.finished_at > now() - interval '3 minutes' AND j.state = 'succeeded'
    AND j.payload->>'do' = 'heal' AND j.result->'findable_drivers' IS NOT NULL
ORDER BY j.finished_at DESC LIMIT 1
""")
_TICKS = text("""
SELECT j.payload->>'city' AS city, count(*) AS ticks,
    count(*) FILTER (WHERE j.result->>'index' = 'away') AS index_away,
    coalesce(sum((j.result->>'offers')::int), 0)::bigint AS offers,
    coalesce(sum((j.result->>'given_up')::int), 0)::bigint AS given_up,
    coalesce(sum((j.result->>'greedy_rides')::int), 0)::bigint AS greedy_rides,
    coalesce(max((j.result->>'unserved')::int), 0) AS unserved_max,
    coalesce(max((j.result->>'solver_s')::float), 0) AS solver_s_max
FROM jobs j WHERE j.kind = :kind AND j.finished_at > now() - interval '1 minute' AND j.state = 'succeeded'
    AND j.payload->>'do' = 'tick' AND j.result->>'skipped' IS NULL
GROUP BY 1
""")
# An offer is answered or over within 15 s and a tick. Ids are UUIDs of version 7, which begin with the milliseconds
# of their making, so the primary key finds the offers of the last two minutes; older ones were resolved before.
_NEW_OFFERS = """o.id >= rpad(lpad(to_hex(
    (extract(epoch FROM now() - interval '2 minutes') * 1000)::bigint), 12, '0'), 32, '0')::uuid"""
_RESOLVED = text(f"""
SELECT o.status, count(*) AS offers FROM offers o
WHERE {_NEW_OFFERS} AND o.resolved_at > now() - interval '1 minute' GROUP BY o.status
""")
# What a search is waited for begins with search_started_at. Edits begin another search, and the wait goes on.
_TIMES = text(f"""
WITH first_offer AS (
    SELECT extract(epoch FROM o.created_at - r.search_started_at)::float AS s
    FROM offers o JOIN rides r ON r.id = o.ride_id
    WHERE {_NEW_OFFERS} AND o.created_at > now() - interval '1 minute' AND o.created_at >= r.search_started_at
        AND NOT EXISTS (SELECT FROM offers p WHERE p.ride_id = o.ride_id AND p.id < o.id
            AND p.created_at >= r.search_started_at)),
match AS (
    SELECT extract(epoch FROM r.matched_at - r.search_started_at)::float AS s
    FROM offers o JOIN rides r ON r.id = o.ride_id AND r.driver_id = o.driver_id
    WHERE {_NEW_OFFERS} AND o.status = 'accepted' AND o.resolved_at > now() - interval '1 minute'),
pickup_eta_error AS (
    SELECT extract(epoch FROM r.arrived_at - r.matched_at)::float - o.pickup_eta_s AS s
    FROM rides r JOIN offers o ON o.ride_id = r.id AND o.driver_id = r.driver_id AND o.status = 'accepted'
        AND o.search_id = r.search_id
    WHERE r.{IS_GOING_ON} AND r.arrived_at > now() - interval '1 minute'),
samples AS (
    SELECT 'first_offer' AS name, s FROM first_offer UNION ALL SELECT 'match', s FROM match
    UNION ALL SELECT 'pickup_eta_error', s FROM pickup_eta_error)
SELECT n.name, percentile_cont(0.5) WITHIN GROUP (ORDER BY s.s) AS p50_s,
    percentile_cont(0.95) WITHIN GROUP (ORDER BY s.s) AS p95_s
FROM unnest(ARRAY['first_offer', 'match', 'pickup_eta_error']) n(name) LEFT JOIN samples s ON s.name = n.name
GROUP BY n.name
""")
# Without a bound this would go through all the ticks that are kept, where healing has stopped.
_CHECKED_WITHIN_S = 3600.0
_CHECKED = text("""
SELECT (j.result->>'violations')::int AS violations, extract(epoch FROM now() - j.finished_at)::float AS age_s
FROM jobs j WHERE j.kind = :kind AND j.finished_at > now() - make_interval(secs => :within_s)
    AND j.state = 'succeeded' AND j.payload->>'do' = 'heal' AND j.result->>'violations' IS NOT NULL
ORDER BY j.finished_at DESC LIMIT 1
""")


def active_rides(session: Session) -> list[ActiveRides]:
    """Count the active rides of each status that has any."""
    return [ActiveRides(row.status, row.rides, row.oldest_age_s) for row in session.execute(_ACTIVE)]


def open_searches(session: Session) -> list[OpenSearches]:
    """Count the open searches by city and state."""
    return [OpenSearches(row.city, row.search_status, row.searches) for row in session.execute(_OPEN)]


def available_drivers(session: Session) -> dict[str, int]:
    """Count the drivers of each city who say that they are available; those on a ride are among them."""
    return {row.city: row.drivers for row in session.execute(_AVAILABLE)}


def findable_drivers(session: Session) -> dict[str, int]:
    """Return how many drivers of each city the driver index had for offers at the last healing; ``{}``: not known."""
    row = session.execute(_FINDABLE, {"kind": JOB_KIND}).first()
    return {} if row is None else row.drivers


def ticks_lately(session: Session) -> list[CityTicks]:
    """Return what the ticks of the last minute did, by city."""
    return [CityTicks(**row) for row in session.execute(_TICKS, {"kind": JOB_KIND}).mappings()]


def offers_resolved_lately(session: Session) -> dict[str, int]:
    """Count the offers that were answered, withdrawn or over within the last minute, by what became of them."""
    return {row.status: row.offers for row in session.execute(_RESOLVED)}


def times_lately(session: Session) -> dict[str, Times]:
    """Return how long ``first_offer`` and ``match`` took, and by how much the pickup was later than estimated.

    ``first_offer`` and ``match`` are counted from when the passenger, or the loss of a driver, began the search, and
    are those of the last minute; ``pickup_eta_error`` is of the drivers who arrived within it, and negative where one
    came early.
    """
    return {row.name: Times(row.p50_s, row.p95_s) for row in session.execute(_TIMES)}


def rules_checked(session: Session) -> RulesCheck:
    """Return what the last healing found to be wrong, see ``invariants``."""
    row = session.execute(_CHECKED, {"kind": JOB_KIND, "within_s": _CHECKED_WITHIN_S}).first()
    return RulesCheck(None, _CHECKED_WITHIN_S) if row is None else RulesCheck(row.violations, row.age_s)
