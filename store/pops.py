"""Points of presence: their rows, what they counted, and when they may be given the next bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Row, Time, text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.cache_refreshes.edge import PopStats
from domain.cache_refreshes.pops import DRIVERS, FillWindow, Pop, PopHealth
from store.db import Base

Moment = DateTime(timezone=True)
KEEP_STATS_DAYS = 7


class PopRow(Base):
    """A point of presence; ``domain.cache_refreshes.pops`` says what the fields mean.

    ``free_at`` is when the bytes that it was given so far are paid for at its rate. ``last_error`` is of the last try
    to reach it, and empty where that one succeeded; ``last_seen_at`` is when one last did.
    """

    __tablename__ = "pops"

    name: Mapped[str] = mapped_column(TEXT, primary_key=True)
    region: Mapped[str] = mapped_column(TEXT)
    url: Mapped[str] = mapped_column(TEXT)
    control_url: Mapped[str] = mapped_column(TEXT)
    driver: Mapped[str] = mapped_column(TEXT)
    capacity_bytes: Mapped[int] = mapped_column(BigInteger)
    window_start: Mapped[time | None] = mapped_column(Time)
    window_end: Mapped[time | None] = mapped_column(Time)
    timezone: Mapped[str] = mapped_column(TEXT, server_default=text("'UTC'"))
    max_bytes_per_s: Mapped[int | None] = mapped_column(BigInteger)
    is_enabled: Mapped[bool] = mapped_column(server_default=text("true"))
    free_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    last_seen_at: Mapped[datetime | None] = mapped_column(Moment)
    last_error: Mapped[str | None] = mapped_column(TEXT)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))
    updated_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))

    __table_args__ = (
        CheckConstraint(f"driver IN ({', '.join(map(repr, DRIVERS))})", name="driver"),
        CheckConstraint("capacity_bytes > 0", name="capacity"),
        CheckConstraint("max_bytes_per_s > 0", name="rate"),
        CheckConstraint("(window_start IS NULL) = (window_end IS NULL)", name="window"),
    )


class PopStatsRow(Base):
    """What a POP's counters said at one moment; they begin again when it is started again."""

    __tablename__ = "pop_stats"

    pop: Mapped[str] = mapped_column(ForeignKey("pops.name", ondelete="CASCADE"), primary_key=True)
    at: Mapped[datetime] = mapped_column(Moment, primary_key=True, server_default=text("now()"))
    hits: Mapped[int] = mapped_column(BigInteger)
    misses: Mapped[int] = mapped_column(BigInteger)
    sent_bytes: Mapped[int] = mapped_column(BigInteger)
    objects: Mapped[int] = mapped_column(BigInteger)
    stored_bytes: Mapped[int] = mapped_column(BigInteger)


@dataclass(frozen=True, slots=True)
class PopTraffic:
    """The last counters of a POP, and how many of the last hour's requests were hits; ``None`` without any."""

    at: datetime
    stats: PopStats
    hit_ratio: float | None


_COLUMNS = (
    "name, region, url, control_url, driver, capacity_bytes, window_start, window_end, timezone, max_bytes_per_s,"
    " is_enabled"
)
_ALL = text(f"SELECT {_COLUMNS} FROM pops ORDER BY name")
_ONE = text(f"SELECT {_COLUMNS} FROM pops WHERE name = :name")
_HEALTH = text("SELECT name, last_seen_at, last_error FROM pops")
_PUT = text(f"""
INSERT INTO pops ({_COLUMNS})
VALUES (:name, :region, :url, :control_url, :driver, :capacity_bytes, :window_start, :window_end, :timezone,
    :max_bytes_per_s, :is_enabled)
ON CONFLICT (name) DO UPDATE SET region = excluded.region, url = excluded.url, control_url = excluded.control_url,
    driver = excluded.driver, capacity_bytes = excluded.capacity_bytes, window_start = excluded.window_start,
    window_end = excluded.window_end, timezone = excluded.timezone, max_bytes_per_s = excluded.max_bytes_per_s,
    is_enabled = excluded.is_enabled, updated_at = now()
RETURNING xmax = 0 AS is_new
""")
_DELETE = text("DELETE FROM pops WHERE name = :name RETURNING name")
_NOTE_SEEN = text("UPDATE pops SET last_seen_at = now(), last_error = NULL WHERE name = :name")
_NOTE_ERROR = text("UPDATE pops SET last_error = :error WHERE name = :name")
# The bytes of all fills of a POP queue up behind each other, whichever worker carries them (a token bucket without
# depth, as the "virtual scheduling" of ITU-T I.371); a POP that rested gains nothing from that.
_CHARGE = text("""
UPDATE pops SET free_at = greatest(free_at, clock_timestamp())
    + make_interval(secs => CAST(:size_bytes AS float8) / max_bytes_per_s)
WHERE name = :name AND max_bytes_per_s IS NOT NULL
""")
_WAIT = text("""
SELECT CASE WHEN max_bytes_per_s IS NULL THEN 0
    ELSE greatest(0, extract(epoch FROM free_at - clock_timestamp())) END FROM pops WHERE name = :name
""")
_ADD_STATS = text("""
INSERT INTO pop_stats (pop, hits, misses, sent_bytes, objects, stored_bytes)
SELECT name, :hits, :misses, :sent_bytes, :objects, :stored_bytes FROM pops WHERE name = :name
ON CONFLICT DO NOTHING
""")
_PRUNE_STATS = text(f"DELETE FROM pop_stats WHERE at < now() - interval '{KEEP_STATS_DAYS} days'")


def grown(counter: str) -> str:
    """Return the SQL of how much a counter grew, over rows with ``hits`` and ``misses`` now and ``_before``.

    Counters that have become smaller were started again, and then counted from nothing.
    """
    is_same_start = "hits >= hits_before AND misses >= misses_before"
    return f"sum(CASE WHEN {is_same_start} THEN {counter} - {counter}_before ELSE {counter} END) AS {counter}"


_TRAFFIC = text(f"""
WITH steps AS (SELECT pop, at, hits, misses, sent_bytes, objects, stored_bytes,
        lag(hits) OVER w AS hits_before, lag(misses) OVER w AS misses_before, row_number() OVER (
            PARTITION BY pop ORDER BY at DESC) AS age
    FROM pop_stats WHERE at > now() - interval '1 hour' WINDOW w AS (PARTITION BY pop ORDER BY at)),
grown AS (SELECT pop,
        {grown("hits")}, {grown("misses")}
    FROM steps WHERE hits_before IS NOT NULL GROUP BY pop)
SELECT s.pop, s.at, s.hits, s.misses, s.sent_bytes, s.objects, s.stored_bytes,
    CAST(g.hits / nullif(g.hits + g.misses, 0) AS float8) AS hit_ratio
FROM steps s LEFT JOIN grown g ON g.pop = s.pop WHERE s.age = 1
""")


def list_pops(session: Session) -> list[Pop]:
    """Return all POPs, by their names."""
    return [_to_pop(row) for row in session.execute(_ALL)]


def enabled_pops(session: Session) -> list[Pop]:
    """Return the POPs that are to be driven."""
    return [pop for pop in list_pops(session) if pop.is_enabled]


def find_pop(session: Session, name: str) -> Pop | None:
    """Return a POP."""
    row = session.execute(_ONE, {"name": name}).first()
    return None if row is None else _to_pop(row)


def put_pop(session: Session, pop: Pop) -> bool:
    """Write a POP, and tell whether there was none of that name."""
    window = pop.fill_window
    values: Mapping[str, object] = {
        "name": pop.name,
        "region": pop.region,
        "url": pop.url,
        "control_url": pop.control_url,
        "driver": pop.driver,
        "capacity_bytes": pop.capacity_bytes,
        "window_start": window and window.start,
        "window_end": window and window.end,
        "timezone": window.timezone if window else "UTC",
        "max_bytes_per_s": pop.max_bytes_per_s,
        "is_enabled": pop.is_enabled,
    }
    return bool(session.execute(_PUT, values).scalar_one())


def delete_pop(session: Session, name: str) -> bool:
    """Forget a POP and what it should hold; ``False`` if there is none. What was done with it stays on record."""
    return session.execute(_DELETE, {"name": name}).first() is not None


def note_seen(session: Session, name: str) -> None:
    """Note that a POP has just answered."""
    session.execute(_NOTE_SEEN, {"name": name})


def note_error(session: Session, name: str, error: str) -> None:
    """Note why a POP could not be used."""
    session.execute(_NOTE_ERROR, {"name": name, "error": error})


def health(session: Session) -> dict[str, PopHealth]:
    """Return how each POP was found last."""
    return {row.name: PopHealth(row.last_seen_at, row.last_error) for row in session.execute(_HEALTH)}


def charge(session: Session, name: str, size_bytes: int) -> None:
    """Note that a POP was given bytes, for its rate."""
    session.execute(_CHARGE, {"name": name, "size_bytes": size_bytes})


def wait_s(session: Session, name: str) -> float:
    """Return in how many seconds a POP may be given more; 0 where it has no rate, or is gone."""
    return float(session.execute(_WAIT, {"name": name}).scalar() or 0)


def add_stats(session: Session, name: str, stats: PopStats) -> None:
    """Keep what a POP's counters say now."""
    values = {field: getattr(stats, field) for field in ("hits", "misses", "sent_bytes", "objects", "stored_bytes")}
    session.execute(_ADD_STATS, {"name": name, **values})


def prune_stats(session: Session) -> None:
    """Forget counters that are old."""
    session.execute(_PRUNE_STATS)


def traffic(session: Session) -> dict[str, PopTraffic]:
    """Return the last hour's traffic of those POPs that were heard within it."""
    return {
        row.pop: PopTraffic(
            row.at,
            PopStats(row.hits, row.misses, row.sent_bytes, row.objects, row.stored_bytes),
            row.hit_ratio,
        )
        for row in session.execute(_TRAFFIC)
    }


def _to_pop(row: Row[tuple[object, ...]]) -> Pop:
    window = None if row.window_start is None else FillWindow(row.window_start, row.window_end, row.timezone)
    return Pop(
        row.name, row.region, row.url, row.control_url, row.driver, row.capacity_bytes, window, row.max_bytes_per_s,
        row.is_enabled,
    )  # fmt: skip
