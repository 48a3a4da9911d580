"""What became of viewers' requests: served from where they were sent to, or why not; and what POPs say of it."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from uuid import UUID

from sqlalchemy import BigInteger, CheckConstraint, Date, SmallInteger, text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.db import Base
from store.pops import grown

HIT = "hit"
KEEP_DAYS = 90
SLOTS = 8
"""In how many rows the same is counted: all viewers of a region meet here, and one row holds them up while each waits
for the disk."""


class PlaybackOutcomeRow(Base):
    """How many renditions were asked for on a day (UTC), by the viewers' region and the POP they were sent to."""

    __tablename__ = "playback_outcomes"

    day: Mapped[date] = mapped_column(Date, primary_key=True)
    # No foreign key: what was seen of a POP stays when it is gone.
    pop: Mapped[str] = mapped_column(TEXT, primary_key=True)
    region: Mapped[str] = mapped_column(TEXT, primary_key=True)
    outcome: Mapped[str] = mapped_column(TEXT, primary_key=True)
    slot: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    requests: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (CheckConstraint("outcome IN ('hit', 'not_placed', 'not_filled', 'pop_down')", name="outcome"),)


@dataclass(frozen=True, slots=True)
class Playback:
    """A viewer's request for a video.

    ``pop`` is where it was sent, or (not ``is_served``) would have been if that had answered. ``reasons`` has for
    each rendition why it was missed, if it was.
    """

    pop: str
    is_served: bool
    region: str
    video_id: UUID
    reasons: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PopDay:
    """A day (UTC) of a POP.

    ``predicted_hit_ratio`` is of the decision that was in force at noon, or of the day's first; ``None`` without one,
    or without views to predict from. ``outcomes`` has the renditions that were asked for. ``counted_hit_ratio`` is of
    the POP's own counters, which count every object.
    """

    pop: str
    day: date
    predicted_hit_ratio: float | None
    outcomes: Mapping[str, int]
    counted_hit_ratio: float | None

    @property
    def requests(self) -> int:
        """Return how many renditions were asked for."""
        return sum(self.outcomes.values())

    @property
    def real_hit_ratio(self) -> float | None:
        """Return the share of them that the POP held; ``None`` without any."""
        return self.outcomes.get(HIT, 0) / self.requests if self.requests else None


# In the order of the outcomes, so that two who count the same never wait for each other in a circle.
_COUNT = text("""
INSERT INTO playback_outcomes (day, pop, region, outcome, slot, requests)
SELECT (now() AT TIME ZONE 'UTC')::date, :pop, :region, found.outcome, :slot, count(*)
FROM (SELECT CASE WHEN :is_served
        AND EXISTS (SELECT FROM edge_objects o WHERE o.video = :video AND o.pop = :pop
            AND o.rendition = g.rendition AND o.state = 'verified')
        AND NOT EXISTS (SELECT FROM edge_objects o WHERE o.video = :video AND o.pop = :pop
            AND o.rendition = g.rendition AND o.state IN ('wanted', 'filled', 'failed'))
        THEN 'hit' ELSE g.reason END AS outcome
    FROM unnest(CAST(:renditions AS text[]), CAST(:reasons AS text[])) AS g(rendition, reason)) AS found
GROUP BY found.outcome ORDER BY found.outcome
ON CONFLICT (day, pop, region, outcome, slot) DO UPDATE SET requests = playback_outcomes.requests + excluded.requests
""")
_OUTCOMES = text("""
SELECT pop, day, outcome, CAST(sum(requests) AS bigint) AS requests FROM playback_outcomes
WHERE day >= :since AND (CAST(:region AS text) IS NULL OR region = :region) GROUP BY pop, day, outcome
""")
_PREDICTED = text("""
SELECT p.name AS pop, CAST(d.day AS date) AS day,
    (SELECT predicted_hit_ratio FROM placement_plans WHERE pop = p.name AND made_at = coalesce(
        (SELECT max(made_at) FROM placement_plans WHERE pop = p.name AND made_at < d.day + interval '12 hours'),
        (SELECT min(made_at) FROM placement_plans WHERE pop = p.name AND made_at < d.day + interval '1 day'))
    ) AS ratio
FROM pops p
CROSS JOIN generate_series(CAST(:since AS timestamp), CAST(:today AS timestamp), interval '1 day') AS d(day)
""")
_COUNTED = text(f"""
WITH steps AS (SELECT pop, at, hits, misses, lag(hits) OVER w AS hits_before, lag(misses) OVER w AS misses_before
    FROM pop_stats WHERE at >= CAST(:since AS timestamp) AT TIME ZONE 'UTC'
    WINDOW w AS (PARTITION BY pop ORDER BY at)),
grown AS (SELECT pop, (at AT TIME ZONE 'UTC')::date AS day,
        {grown("hits")}, {grown("misses")}
    FROM steps WHERE hits_before IS NOT NULL GROUP BY 1, 2)
SELECT pop, day, CAST(hits / nullif(hits + misses, 0) AS float8) AS ratio FROM grown
""")
_TODAY = text("SELECT (now() AT TIME ZONE 'UTC')::date")
_PRUNE = text(f"DELETE FROM playback_outcomes WHERE day < (now() AT TIME ZONE 'UTC')::date - {KEEP_DAYS}")


def count(session: Session, playback: Playback) -> None:
    """Count what became of a request: a rendition is a hit if the POP is proven to hold all of it."""
    values = {
        "pop": playback.pop,
        "is_served": playback.is_served,
        "region": playback.region,
        "video": str(playback.video_id),
        "renditions": list(playback.reasons.keys()),
        "reasons": list(playback.reasons.values()),
        "slot": random.randrange(SLOTS),  # noqa: S311 - It spreads, and hides nothing.
    }
    session.execute(_COUNT, values)


def report(session: Session, days: int, region: str | None = None, *, has_counters: bool = True) -> Sequence[PopDay]:
    """Return the last days of each POP, by its name, today first; of the viewers of one ``region`` or of all.

    ``has_counters``: what POPs counted is looked at, which are many rows.
    """
    today: date = session.execute(_TODAY).scalar_one()
    since = today - timedelta(days=days - 1)
    outcomes: dict[tuple[str, date], dict[str, int]] = {}
    for row in session.execute(_OUTCOMES, {"since": since, "region": region}):
        outcomes.setdefault((row.pop, row.day), {})[row.outcome] = row.requests
    counted: dict[tuple[str, date], float | None] = {}
    if has_counters:
        counted = {(row.pop, row.day): row.ratio for row in session.execute(_COUNTED, {"since": since})}
    predicted = session.execute(_PREDICTED, {"since": since, "today": today}).all()
    return [
        PopDay(row.pop, row.day, row.ratio, outcomes.get((row.pop, row.day), {}), counted.get((row.pop, row.day)))
        for row in sorted(predicted, key=lambda row: (row.pop, today - row.day))
    ]


def prune(session: Session) -> None:
    """Forget days that are long over."""
    session.execute(_PRUNE)
