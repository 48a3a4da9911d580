"""What owners of keys watched: one row for each title that somebody has watched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, DateTime, Index, text
from sqlalchemy.dialects.postgresql import TEXT
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.viewings.model import MAX_LISTED, Viewing
from store.db import Base

Moment = DateTime(timezone=True)


class ViewingRow(Base):
    """That an owner has watched a title ``times`` times. Rows are kept, like the owner's jobs and rides."""

    __tablename__ = "viewings"

    owner: Mapped[str] = mapped_column(TEXT, primary_key=True)
    # No foreign key: titles are in the blob store, and videos come and go.
    title_id: Mapped[str] = mapped_column(TEXT, primary_key=True)
    first_at: Mapped[datetime] = mapped_column(Moment)
    last_at: Mapped[datetime] = mapped_column(Moment)
    times: Mapped[int]

    __table_args__ = (
        CheckConstraint("times > 0", name="times"),
        CheckConstraint("first_at <= last_at", name="order"),
        Index("viewings_newest_idx", "owner", text("last_at DESC"), "title_id"),
    )


_RECORD = text("""
INSERT INTO viewings (owner, title_id, first_at, last_at, times) VALUES (:owner, :title_id, now(), now(), 1)
ON CONFLICT (owner, title_id) DO UPDATE
SET last_at = greatest(viewings.last_at, excluded.last_at), times = viewings.times + 1
""")
_NEWEST = text("""
SELECT o.owner, v.title_id, v.first_at, v.last_at, v.times
FROM unnest(CAST(:owners AS text[])) AS o (owner)
CROSS JOIN LATERAL (
    SELECT title_id, first_at, last_at, times FROM viewings WHERE owner = o.owner
    ORDER BY last_at DESC, title_id LIMIT :limit
) AS v
ORDER BY o.owner, v.last_at DESC, v.title_id
""")
# From one owner to the next by the index: what it costs grows with the owners, and not with what they watched.
_ACTIVE = text("""
WITH RECURSIVE newest AS (
    (SELECT owner, last_at FROM viewings WHERE owner > :after ORDER BY owner, last_at DESC LIMIT 1)
    UNION ALL
    SELECT following.owner, following.last_at
    FROM newest CROSS JOIN LATERAL (
        SELECT owner, last_at FROM viewings WHERE owner > newest.owner ORDER BY owner, last_at DESC LIMIT 1
    ) AS following
)
SELECT owner FROM newest WHERE last_at > now() - make_interval(days => :days) LIMIT :limit
""")


def record(session: Session, owner: str, title_id: str) -> None:
    """Note that an owner watches a title now."""
    session.execute(_RECORD, {"owner": owner, "title_id": title_id})


def newest(session: Session, owners: Sequence[str]) -> Mapping[str, Sequence[Viewing]]:
    """Return what each of the owners watched last, the newest first; who has watched nothing has an empty list."""
    found: dict[str, list[Viewing]] = {owner: [] for owner in owners}
    for owner, *fields in session.execute(_NEWEST, {"owners": list(owners), "limit": MAX_LISTED}):
        found[owner].append(Viewing(*fields))
    return found


def active_owners(session: Session, after: str, days: int, limit: int) -> list[str]:
    """Return owners who watched something in the last ``days``, in their order, those that come after ``after``."""
    return list(session.execute(_ACTIVE, {"after": after, "days": days, "limit": limit}).scalars())
