"""The matching of a city, seen from the database: one tick at a time, and none is missing while a search is open.

Whoever opens a search makes sure in the same transaction that a tick will come (``ensure_tick``), and a tick that
ends submits the next one as long as searches are open (``finish_tick``). The two exclude each other by an advisory
lock of the city: any number of passengers at once share it, beside which a tick can write offers, but not end. So
either the tick that ends sees the new search, or the search sees that the tick has ended. It is no lock of the city's
row, for those are not fair: new sharers overtake whoever waits to have a row alone, and while passengers keep
ordering no tick would ever end.

A tick holds a lease. One that was frozen until its lease was over finds it gone, and can write nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import cast
from uuid import UUID

from sqlalchemy.orm import Session
from uuid_utils.compat import uuid7

from domain.rides.model import Actor, NewOffer, Offer, OpenSearch, Place
from store.jobs.submissions import JobToInsert, insert_jobs
from store.prepared import Prepared
from store.rides.models import HAS_DRIVER, IS_OPEN, MAY_EXPIRE
from store.rides.records import OFFER_COLUMNS, to_offer
from store.rides.statements import Change, notify, statement, write_events

JOB_KIND = "ride_matches"
JOB_OWNER = "system"
JOB_MAX_ATTEMPTS = 3
TICK_EVERY_S = 2.0
OFFER_S = 15.0
"""For how long a driver may think about an offer."""
ENDS_LOCK = 7
"""The class of the advisory locks, one for each city, by which ticks end and searches begin."""
CHUNK = 500
"""How many rides one transaction locks at most: nobody should wait for longer than writing these takes."""

_JOB_IS_LIVE = "EXISTS (SELECT FROM jobs j WHERE j.id = t.job_id AND j.finished_at IS NULL)"
_MAKE_CITY = Prepared("INSERT INTO ride_ticks (city) VALUES (:city) ON CONFLICT DO NOTHING RETURNING city")
# Statements of their own: what is read after a wait must be read with a snapshot that was taken after it.
_SHARE_ENDS = Prepared(f"SELECT pg_advisory_xact_lock_shared({ENDS_LOCK}, hashtext(:city))")
_HOLD_ENDS = Prepared(f"SELECT pg_advisory_xact_lock({ENDS_LOCK}, hashtext(:city))")
_IS_TICK_COMING = Prepared(f"SELECT {_JOB_IS_LIVE} FROM ride_ticks t WHERE t.city = :city")
_LOCK_CITY = Prepared("SELECT t.city FROM ride_ticks t WHERE t.city = :city FOR NO KEY UPDATE")
_NEXT_TICK = Prepared(f"""
SELECT {_JOB_IS_LIVE}, greatest(clock_timestamp(), t.ticked_at + make_interval(secs => {TICK_EVERY_S}))
FROM ride_ticks t WHERE t.city = :city
""")
_SET_JOB = Prepared("UPDATE ride_ticks SET job_id = :job_id WHERE city = :city RETURNING city")


def ensure_tick(session: Session, city: str) -> None:
    """See to it that a tick follows the end of this transaction, which is about to open a search.

    To be called before any lock of a ride.
    """
    _SHARE_ENDS.run(session, {"city": city})
    rows = _IS_TICK_COMING.run(session, {"city": city})
    if not rows:
        _MAKE_CITY.run(session, {"city": city})
    elif rows[0][0]:
        return
    _LOCK_CITY.run(session, {"city": city})
    is_live, run_at = _NEXT_TICK.run(session, {"city": city})[0]
    if not is_live:
        _submit(session, city, cast("datetime", run_at))


def _submit(session: Session, city: str, run_at: datetime) -> UUID:
    job = JobToInsert(
        id=uuid7(),
        kind=JOB_KIND,
        queue=JOB_KIND,
        owner=JOB_OWNER,
        payload={"do": "tick", "city": city},
        priority=0,
        max_attempts=JOB_MAX_ATTEMPTS,
        run_at=run_at,
    )
    insert_jobs(session, [job])
    _SET_JOB.run(session, {"city": city, "job_id": job.id})
    return job.id


_TAKE_LEASE = Prepared("""
UPDATE ride_ticks SET lease_id = gen_random_uuid(), ticked_at = clock_timestamp(),
    lease_until = clock_timestamp() + make_interval(secs => :lease_s)
WHERE city = :city AND (lease_until IS NULL OR lease_until <= clock_timestamp()) RETURNING lease_id
""")
_LOCK_LEASE = Prepared("""
SELECT city FROM ride_ticks WHERE city = :city AND lease_id = :lease_id AND lease_until > clock_timestamp()
FOR NO KEY UPDATE
""")


def take_lease(session: Session, city: str, lease_s: float) -> UUID | None:
    """Begin a tick that may write for ``lease_s`` seconds; ``None`` while another one may."""
    _MAKE_CITY.run(session, {"city": city})
    rows = _TAKE_LEASE.run(session, {"city": city, "lease_s": lease_s})
    return cast("UUID", rows[0][0]) if rows else None


@dataclass(frozen=True, slots=True)
class Swept:
    """How many offers and searches ran out of time; ``is_more``: there may be others, for the next transaction."""

    expired: int
    given_up: int
    is_more: bool


# What is open or pending has indexes of its own, and to look each row up by its id in those is what the planner may
# choose while tables are small. So ids are found first, and then locked as ids and nothing else. An index can be
# asked for what is before statement_timestamp(), but not before clock_timestamp(), which moves on meanwhile. Each
# side has a limit of its own: only newer servers stop reading at that of the whole.
_OVERDUE = Prepared(f"""
WITH late AS MATERIALIZED (SELECT o.ride_id FROM offers o
    WHERE {MAY_EXPIRE} AND o.expires_at <= statement_timestamp()
        AND (SELECT r.city FROM rides r WHERE r.id = o.ride_id) = :city LIMIT {CHUNK})
SELECT late.ride_id FROM late
UNION (SELECT s.id FROM rides s WHERE s.city = :city AND s.{IS_OPEN} AND s.search_status = 'searching'
    AND s.search_deadline <= clock_timestamp() ORDER BY s.id LIMIT {CHUNK})
ORDER BY 1 LIMIT {CHUNK}
""")
# A ride by the place of its row, which stays while it is locked. Joined by id, a plan that was made while the tables
# were empty compares each offer with all rides of a chunk, or with all there are. OFFSET has it looked up.
_PLACE = "CROSS JOIN LATERAL (SELECT rides.ctid FROM rides WHERE rides.id = offer.ride_id OFFSET 0) place"
_LOCK_RIDES = Prepared("SELECT r.id FROM rides r WHERE r.id = ANY(:ride_ids) ORDER BY r.id FOR NO KEY UPDATE")
_LOCK_DRIVERS = Prepared("SELECT d.id FROM drivers d WHERE d.id = ANY(:driver_ids) ORDER BY d.id FOR NO KEY UPDATE")
_EXPIRE = statement(
    Change(
        event="offer_expired",
        actor=Actor.SYSTEM,
        prelude="""offer AS (UPDATE offers o SET status = 'expired', resolved_at = clock_timestamp()
            WHERE o.ride_id = ANY(:ride_ids) AND o.resolved_at IS NULL AND o.expires_at <= clock_timestamp()
            RETURNING o.ride_id, o.search_id, o.driver_id)""",
        assign="search_status = 'searching', excluded_drivers = r.excluded_drivers || offer.driver_id",
        source=f"offer {_PLACE}",
        guard="r.ctid = place.ctid AND r.search_id = offer.search_id AND r.status = 'created'",
        told="offer.driver_id",
        detail="jsonb_build_object('driver_id', offer.driver_id)",
    )
)
_GIVE_UP = statement(
    Change(
        event="search_given_up",
        actor=Actor.SYSTEM,
        assign="search_status = 'no_drivers_available'",
        # Who is searched for is 'created', a check says so; said here, the index of open searches would be walked.
        guard="r.id = ANY(:ride_ids) AND r.search_status = 'searching' AND r.search_deadline <= clock_timestamp()",
    )
)


def sweep(session: Session, city: str, lease_id: UUID) -> Swept:
    """Expire overdue offers, each driver being excluded from then on, and give up searches that took too long.

    Without the lease nothing is done.
    """
    if not _LOCK_LEASE.run(session, {"city": city, "lease_id": lease_id}):
        return Swept(0, 0, is_more=False)
    ride_ids = [row[0] for row in _OVERDUE.run(session, {"city": city})]
    if not ride_ids:
        return Swept(0, 0, is_more=False)
    _LOCK_RIDES.run(session, {"ride_ids": ride_ids})
    expired = _EXPIRE.run(session, {"ride_ids": ride_ids})
    given_up = _GIVE_UP.run(session, {"ride_ids": ride_ids})
    return Swept(len(expired), len(given_up), is_more=len(ride_ids) == CHUNK)


_OPEN_SEARCHES = Prepared(f"""
SELECT r.id, r.search_id, r.product, r.pickup_latitude, r.pickup_longitude, r.search_started_at,
    r.excluded_drivers || r.passenger_id
FROM rides r WHERE r.city = :city AND r.{IS_OPEN} AND r.search_status = 'searching' ORDER BY r.id
""")


def open_searches(session: Session, city: str) -> list[OpenSearch]:
    """Return the rides of a city that wait for an offer, in the order in which they were created.

    Nobody drives their own ride, so passengers are among those whom theirs exclude.
    """
    return [
        OpenSearch(
            cast("UUID", ride_id),
            cast("UUID", search_id),
            cast("str", product),
            Place(cast("float", latitude), cast("float", longitude)),
            cast("datetime", since),
            frozenset(cast("list[str]", excluded)),
        )
        for ride_id, search_id, product, latitude, longitude, since, excluded in _OPEN_SEARCHES.run(
            session, {"city": city}
        )
    ]


_OFFERED = ", ".join(f"offer.{name} AS offer_{name}" for name in OFFER_COLUMNS)
# Rides and drivers are locked, so all that is asked of them here still holds at the commit. OFFSET has each looked up
# by its id, as above.
_WRITE_OFFERS = Prepared(f"""
WITH offer AS (INSERT INTO offers AS o (id, ride_id, driver_id, search_id, pickup_eta_s, eta_source, expires_at)
    SELECT g.id, g.ride_id, g.driver_id, g.search_id, g.pickup_eta_s, g.eta_source,
        clock_timestamp() + interval '{OFFER_S} seconds'
    FROM jsonb_to_recordset(:rows) AS g(id uuid, ride_id uuid, search_id uuid, driver_id text, pickup_eta_s int,
            eta_source text)
        CROSS JOIN LATERAL (SELECT * FROM rides WHERE rides.id = g.ride_id OFFSET 0) r
        CROSS JOIN LATERAL (SELECT * FROM drivers WHERE drivers.id = g.driver_id OFFSET 0) d
    WHERE r.search_id = g.search_id AND r.status = 'created' AND r.search_status = 'searching'
        AND d.status = 'available' AND d.city = r.city AND d.product = r.product
        AND d.id <> ALL (r.excluded_drivers || r.passenger_id)
        AND NOT EXISTS (SELECT FROM rides b WHERE b.driver_id = g.driver_id AND b.{HAS_DRIVER})
    ON CONFLICT DO NOTHING RETURNING o.*),
changed AS (UPDATE rides r SET search_status = 'offered', version = r.version + 1, updated_at = clock_timestamp()
    FROM offer {_PLACE} WHERE r.ctid = place.ctid
    RETURNING r.id, r.status, r.search_status, r.version,
        jsonb_build_object('driver_id', offer.driver_id) AS detail, {_OFFERED}),
{write_events("offered", Actor.SYSTEM)}
SELECT {", ".join(f"c.offer_{name}" for name in OFFER_COLUMNS)}, {notify("c.offer_driver_id")} FROM changed c
""")


def write_offers(session: Session, city: str, lease_id: UUID, offers: Sequence[NewOffer]) -> list[Offer]:
    """Offer rides to drivers, up to ``CHUNK`` at once, and return the offers that were made.

    Left out is what no longer fits: a ride whose search is over or another one by now, a driver who is unavailable,
    busy, asked already or excluded. Without the lease nothing is written.

    Raises:
        ValueError: there are more than ``CHUNK``.
    """
    if len(offers) > CHUNK:
        raise ValueError(f"more than {CHUNK} offers would hold their locks for too long")
    if not offers or not _LOCK_LEASE.run(session, {"city": city, "lease_id": lease_id}):
        return []
    _LOCK_RIDES.run(session, {"ride_ids": [offer.ride_id for offer in offers]})
    _LOCK_DRIVERS.run(session, {"driver_ids": [offer.driver_id for offer in offers]})
    rows = [_as_row(offer) for offer in offers]
    return [to_offer(row) for row in _WRITE_OFFERS.run(session, {"rows": rows})]


def _as_row(offer: NewOffer) -> dict[str, object]:
    ids = {"id": str(uuid7()), "ride_id": str(offer.ride_id), "search_id": str(offer.search_id)}
    return {**asdict(offer), **ids}


_END_LEASE = Prepared("""
UPDATE ride_ticks SET lease_id = NULL, lease_until = NULL WHERE city = :city AND lease_id = :lease_id RETURNING city
""")
_WHAT_FOLLOWS = Prepared(f"""
SELECT {_JOB_IS_LIVE}, EXISTS (SELECT FROM rides r WHERE r.city = t.city AND r.{IS_OPEN}),
    greatest(clock_timestamp(), t.ticked_at + make_interval(secs => :every_s), t.lease_until)
FROM ride_ticks t WHERE t.city = :city
""")


def finish_tick(session: Session, city: str, lease_id: UUID | None, every_s: float = TICK_EVERY_S) -> UUID | None:
    """End a tick in the transaction that finishes its job: the next one is submitted if searches are open.

    One that had no lease to begin with (``None``) or has lost it takes care of the next one all the same, which then
    comes when the other's lease is over: the other may be dead. Ticks are ``every_s`` apart from begin to begin.
    Where another tick's job is on its way already, nothing is submitted. Return the submitted job's id.
    """
    # Waits for those who are about to open a search, and has those who come later wait, see above.
    _HOLD_ENDS.run(session, {"city": city})
    # Nor may another tick begin or write meanwhile.
    if not _LOCK_CITY.run(session, {"city": city}):
        return None
    release_lease(session, city, lease_id)
    is_live, is_open, run_at = _WHAT_FOLLOWS.run(session, {"city": city, "every_s": every_s})[0]
    if is_live:
        return None
    if is_open:
        return _submit(session, city, cast("datetime", run_at))
    _SET_JOB.run(session, {"city": city, "job_id": None})
    return None


def release_lease(session: Session, city: str, lease_id: UUID | None) -> None:
    """Let the next tick begin at once; whoever has lost the lease changes nothing."""
    _END_LEASE.run(session, {"city": city, "lease_id": lease_id})


_WITHOUT_TICK = Prepared(f"""
SELECT DISTINCT r.city FROM rides r WHERE r.{IS_OPEN}
    AND NOT EXISTS (SELECT FROM ride_ticks t WHERE t.city = r.city AND {_JOB_IS_LIVE}) ORDER BY r.city
""")


def cities_without_tick(session: Session) -> list[str]:
    """Return the cities in which searches are open and no tick will come, as when a tick's job failed for good."""
    return [cast("str", city) for (city,) in _WITHOUT_TICK.run(session, {})]
