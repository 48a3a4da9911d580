"""What each POP should hold, and what it was last seen to hold.

Whoever writes several rows takes them in the order of their paths; any other order deadlocks.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, ForeignKey, Index, TextClause, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, TEXT
from sqlalchemy.orm import Mapped, Session, mapped_column

from domain.cache_refreshes.model import Scope
from domain.cache_refreshes.refresh import Outcome, Result, Wanted
from store.db import Base

Moment = DateTime(timezone=True)
MAX_FAILURES = 5
"""An object that could not be filled this often in a row is left alone until somebody asks for it again."""


class EdgeObjectRow(Base):
    """An object that a POP should hold.

    ``wanted_etag``: no other will do; ``NULL``: whatever the origin has. ``etag`` and ``size_bytes`` are of the copy
    that was last seen. ``set_name``, or ``video`` and ``rendition``, say what it is a part of.
    """

    __tablename__ = "edge_objects"

    pop: Mapped[str] = mapped_column(ForeignKey("pops.name", ondelete="CASCADE"), primary_key=True)
    path: Mapped[str] = mapped_column(TEXT, primary_key=True)
    wanted_etag: Mapped[str | None] = mapped_column(TEXT)
    set_name: Mapped[str | None] = mapped_column(TEXT)
    video: Mapped[str | None] = mapped_column(TEXT)
    rendition: Mapped[str | None] = mapped_column(TEXT)
    state: Mapped[str] = mapped_column(TEXT, server_default=text("'wanted'"))
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    last_error: Mapped[str | None] = mapped_column(TEXT)
    etag: Mapped[str | None] = mapped_column(TEXT)
    size_bytes: Mapped[int | None] = mapped_column(BigInteger)
    verified_at: Mapped[datetime | None] = mapped_column(Moment)
    created_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))

    __table_args__ = (
        CheckConstraint("state IN ('wanted', 'filled', 'verified', 'failed')", name="state"),
        CheckConstraint("(state = 'verified') <= (verified_at IS NOT NULL)", name="verified"),
        Index("edge_objects_missing_idx", "pop", "path",
              postgresql_where=text("state IN ('wanted', 'filled')")),
        Index("edge_objects_video_idx", "video", "pop", "rendition", "state",
              postgresql_where=text("video IS NOT NULL")),
        Index("edge_objects_others_idx", "pop", "path", postgresql_where=text("video IS NULL")),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class EdgeObject:
    """An object that is to be held: what it is, and what it is a part of."""

    wanted: Wanted
    set_name: str | None = None
    video: str | None = None
    rendition: str | None = None


_ADD = text("""
INSERT INTO edge_objects (pop, path, wanted_etag, set_name, video, rendition)
SELECT :pop, g.path, g.wanted_etag, g.set_name, g.video, g.rendition
FROM jsonb_to_recordset(:rows) AS g(path text, wanted_etag text, set_name text, video text, rendition text)
WHERE EXISTS (SELECT FROM pops WHERE name = :pop) ORDER BY g.path
ON CONFLICT (pop, path) DO UPDATE SET wanted_etag = excluded.wanted_etag, set_name = excluded.set_name,
    video = excluded.video, rendition = excluded.rendition, failures = 0,
    state = CASE WHEN edge_objects.state = 'verified'
        AND coalesce(excluded.wanted_etag, edge_objects.etag) = edge_objects.etag THEN 'verified' ELSE 'wanted' END
""").bindparams(bindparam("rows", type_=JSONB))
_AFTER = text("""
SELECT path, wanted_etag FROM edge_objects WHERE pop = :pop AND path > :after AND verified_at IS NOT NULL
ORDER BY path LIMIT :limit
""")
_LACKING = text("""
SELECT path, wanted_etag FROM edge_objects WHERE pop = :pop AND state IN ('wanted', 'filled') AND path > :after
    AND (verified_at IS NOT NULL OR NOT :is_lost) ORDER BY path LIMIT :limit
""")
_LOST = text("""
SELECT count(*) FROM edge_objects WHERE pop = :pop AND state IN ('wanted', 'filled') AND verified_at IS NOT NULL
""")
_PATHS = text("SELECT path, wanted_etag FROM edge_objects WHERE pop = :pop ORDER BY path")
# The files of all videos are many more than those of one; what somebody had filled by its path is of none.
_PATHS_OF_VIDEO = text("""
SELECT path, wanted_etag FROM edge_objects WHERE pop = :pop AND video = :video
UNION ALL SELECT path, wanted_etag FROM edge_objects WHERE pop = :pop AND video IS NULL ORDER BY path
""")
_RENDITIONS = text("""
SELECT DISTINCT pop, video, rendition FROM edge_objects WHERE video IS NOT NULL AND rendition IS NOT NULL
""")
_LACKING_POPS = text("SELECT DISTINCT pop FROM edge_objects WHERE state IN ('wanted', 'filled')")
_WANT_AGAIN = text("""
WITH locked AS (SELECT path FROM edge_objects WHERE pop = :pop AND state = 'failed' AND video IS NOT NULL
    ORDER BY path FOR UPDATE)
UPDATE edge_objects o SET state = 'wanted', failures = 0 FROM locked WHERE o.pop = :pop AND o.path = locked.path
""")
# Only rows that are there still: what was given up meanwhile must not come back.
_NOTE = text(f"""
WITH given AS (SELECT * FROM jsonb_to_recordset(:rows)
        AS g(path text, state text, etag text, size_bytes bigint, reason text)),
locked AS (SELECT o.path FROM edge_objects o JOIN given ON given.path = o.path WHERE o.pop = :pop
    ORDER BY o.path FOR UPDATE OF o)
UPDATE edge_objects o SET etag = g.etag, size_bytes = g.size_bytes, last_error = g.reason,
    verified_at = CASE WHEN g.state = 'verified' THEN now() ELSE o.verified_at END,
    failures = CASE WHEN g.state = 'verified' THEN 0 WHEN :is_look THEN o.failures ELSE o.failures + 1 END,
    state = CASE WHEN g.state = 'verified' THEN 'verified'
        WHEN o.failures + CASE WHEN :is_look THEN 0 ELSE 1 END >= {MAX_FAILURES} THEN 'failed' ELSE g.state END
FROM locked JOIN given g ON g.path = locked.path WHERE o.pop = :pop AND o.path = locked.path
""").bindparams(bindparam("rows", type_=JSONB))
_FORGET = text("""
WITH locked AS (SELECT path FROM edge_objects WHERE pop = :pop AND path = ANY(:paths) ORDER BY path FOR UPDATE)
DELETE FROM edge_objects o USING locked WHERE o.pop = :pop AND o.path = locked.path
""")
_FORGET_OLD = text("""
WITH locked AS (SELECT path FROM edge_objects WHERE pop = :pop AND set_name = :set_name AND path <> ALL(:paths)
    ORDER BY path FOR UPDATE)
DELETE FROM edge_objects o USING locked WHERE o.pop = :pop AND o.path = locked.path
""")
_COUNTS = text("SELECT pop, state, count(*) AS objects FROM edge_objects GROUP BY pop, state")


def add(session: Session, pop: str, objects: Sequence[EdgeObject]) -> None:
    """Have a POP hold objects from now on; those that were verified already, and are still right, stay that."""
    rows = [
        {
            "path": each.wanted.path,
            "wanted_etag": each.wanted.etag,
            "set_name": each.set_name,
            "video": each.video,
            "rendition": each.rendition,
        }
        for each in objects
    ]
    session.execute(_ADD, {"pop": pop, "rows": rows})


def held_after(session: Session, pop: str, after: str, limit: int) -> list[Wanted]:
    """Return what a POP should hold and once did, by path, from the one that follows ``after`` on."""
    return _wanted(session, _AFTER, {"pop": pop, "after": after, "limit": limit})


def lacking_after(session: Session, pop: str, after: str, limit: int, *, is_lost: bool) -> list[Wanted]:
    """Return what a POP should hold and does not, or only what it has lost; in the order of ``held_after``."""
    return _wanted(session, _LACKING, {"pop": pop, "after": after, "limit": limit, "is_lost": is_lost})


def count_lost(session: Session, pop: str) -> int:
    """Return how many objects a POP has lost, without those that could not be filled again and again."""
    return int(session.execute(_LOST, {"pop": pop}).scalar_one())


def covered(session: Session, pop: str, scope: Scope) -> list[Wanted]:
    """Return what a POP should hold of that which a refresh is about."""
    statement = _PATHS if scope.video is None else _PATHS_OF_VIDEO
    found = _wanted(session, statement, {"pop": pop, "video": scope.video})
    return [wanted for wanted in found if scope.covers(wanted.path)]


def renditions(session: Session) -> set[tuple[str, str, str]]:
    """Return of which renditions POPs should hold anything: POP, video and rendition."""
    return {(row.pop, row.video, row.rendition) for row in session.execute(_RENDITIONS)}


def lacking_pops(session: Session) -> set[str]:
    """Return the POPs that should hold what they do not."""
    return set(session.execute(_LACKING_POPS).scalars())


def want_again(session: Session, pop: str) -> None:
    """Have it tried again to fill a POP with the parts of videos that could not be had."""
    session.execute(_WANT_AGAIN, {"pop": pop})


def note_results(session: Session, pop: str, results: Sequence[Result], *, is_look: bool = False) -> None:
    """Note what became of objects; one that the origin does not have is wanted no more.

    ``is_look``: nobody tried to fill them, so what is not right is no failure.
    """
    gone = [result.path for result in results if result.outcome is Outcome.NOT_AT_ORIGIN]
    rows = [
        {
            "path": result.path,
            "state": _state(result),
            "etag": result.copy and result.copy.etag,
            "size_bytes": result.copy and result.copy.size_bytes,
            "reason": result.reason or None,
        }
        for result in results
        if result.outcome is not Outcome.NOT_AT_ORIGIN
    ]
    if rows:
        session.execute(_NOTE, {"pop": pop, "rows": rows, "is_look": is_look})
    if gone:
        forget(session, pop, gone)


def forget(session: Session, pop: str, paths: Sequence[str]) -> None:
    """Have a POP hold objects no longer."""
    session.execute(_FORGET, {"pop": pop, "paths": list(paths)})


def forget_old_of_set(session: Session, pop: str, set_name: str, paths: Sequence[str]) -> None:
    """Have a POP hold no objects of a set but those at ``paths``."""
    session.execute(_FORGET_OLD, {"pop": pop, "set_name": set_name, "paths": list(paths)})


def counts(session: Session) -> dict[str, dict[str, int]]:
    """Return how many objects of each POP are in each state."""
    found: dict[str, dict[str, int]] = {}
    for row in session.execute(_COUNTS):
        found.setdefault(row.pop, {})[row.state] = row.objects
    return found


def _wanted(session: Session, statement: TextClause, values: dict[str, object]) -> list[Wanted]:
    return [Wanted(row.path, row.wanted_etag) for row in session.execute(statement, values)]


def _state(result: Result) -> str:
    if result.outcome is Outcome.VERIFIED:
        return "verified"
    return "filled" if result.is_fetched else "wanted"
