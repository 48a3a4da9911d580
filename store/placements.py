"""Which renditions each POP is to hold, and what was predicted when that was decided."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Double, ForeignKey, Index, SmallInteger, bindparam, text
from sqlalchemy.dialects.postgresql import JSONB, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, Session, mapped_column

from store.db import Base

Moment = DateTime(timezone=True)
KEEP_DAYS = 90
LOCK = 4_919_001
"""The advisory lock of whoever changes placements; nobody waits for it longer than one writes."""


class PlacementRow(Base):
    """A rendition that a POP is to hold now; ``edge_objects`` has its files, and whether they are there.

    ``copy`` is the place among the POPs that hold it: without it, the next decision would move more than it has to.
    """

    __tablename__ = "placements"

    pop: Mapped[str] = mapped_column(ForeignKey("pops.name", ondelete="CASCADE"), primary_key=True)
    video_id: Mapped[UUID] = mapped_column(
        PG_UUID(as_uuid=True), ForeignKey("videos.id", ondelete="CASCADE"), primary_key=True
    )
    rendition: Mapped[str] = mapped_column(TEXT, primary_key=True)
    size_bytes: Mapped[int] = mapped_column(BigInteger)
    copy: Mapped[int] = mapped_column(SmallInteger)
    placed_at: Mapped[datetime] = mapped_column(Moment, server_default=text("now()"))

    __table_args__ = (Index("placements_video_id_idx", "video_id"),)


class PlacementPlanRow(Base):
    """One decision about a POP: by whom, how much it is to hold, and which share of its requests that may serve.

    ``predicted_hit_ratio`` is null where there were no views to predict from.
    """

    __tablename__ = "placement_plans"

    pop: Mapped[str] = mapped_column(ForeignKey("pops.name", ondelete="CASCADE"), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(Moment, primary_key=True, server_default=text("now()"))
    requested_by: Mapped[str] = mapped_column(TEXT)
    renditions: Mapped[int]
    used_bytes: Mapped[int] = mapped_column(BigInteger)
    predicted_hit_ratio: Mapped[float | None] = mapped_column(Double)


@dataclass(frozen=True, slots=True)
class Placed:
    """A rendition at a POP; ``PlacementRow`` says what the fields mean."""

    pop: str
    video_id: UUID
    rendition: str
    size_bytes: int
    copy: int


@dataclass(frozen=True, slots=True)
class Plan:
    """A decision about a POP; ``PlacementPlanRow`` says what the fields mean."""

    pop: str
    renditions: int
    used_bytes: int
    predicted_hit_ratio: float | None
    requested_by: str
    made_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Total:
    """How much a POP is to hold now: what was decided, without the videos that were taken down since."""

    renditions: int = 0
    used_bytes: int = 0


_LOCK = text(f"SELECT pg_advisory_xact_lock({LOCK})")
# Whoever deletes a POP waits until what is written about it is there, and then takes that along.
_KEEP_POPS = text("SELECT name FROM pops WHERE name = ANY(:names) ORDER BY name FOR KEY SHARE")
_MADE_AT = text("SELECT pop, max(made_at) AS made_at FROM placement_plans GROUP BY pop")
_TOTALS = text("""
SELECT pop, count(*) AS renditions, CAST(sum(size_bytes) AS bigint) AS used_bytes FROM placements GROUP BY pop
""")
_CURRENT = text("SELECT pop, video_id, rendition, size_bytes, copy FROM placements ORDER BY copy, pop")
_OF_VIDEO = text("SELECT pop, rendition FROM placements WHERE video_id = :video_id ORDER BY pop, rendition")
_ROWS = "jsonb_to_recordset(:rows) AS g(pop text, video_id uuid, rendition text, size_bytes bigint, copy smallint)"
_GIVE_UP = text(f"""
DELETE FROM placements p USING {_ROWS}
WHERE p.pop = g.pop AND p.video_id = g.video_id AND p.rendition = g.rendition
""").bindparams(bindparam("rows", type_=JSONB))
_PLACE = text(f"""
INSERT INTO placements (pop, video_id, rendition, size_bytes, copy)
SELECT pop, video_id, rendition, size_bytes, copy FROM {_ROWS}
ON CONFLICT (pop, video_id, rendition) DO UPDATE SET size_bytes = excluded.size_bytes, copy = excluded.copy
""").bindparams(bindparam("rows", type_=JSONB))
_ADD_PLAN = text("""
INSERT INTO placement_plans (pop, renditions, used_bytes, predicted_hit_ratio, requested_by)
VALUES (:pop, :renditions, :used_bytes, :predicted_hit_ratio, :requested_by)
""")
_PLANS = text("""
SELECT DISTINCT ON (pop) pop, renditions, used_bytes, predicted_hit_ratio, requested_by, made_at
FROM placement_plans ORDER BY pop, made_at DESC
""")
_FORGET_VIDEO = text("DELETE FROM placements WHERE video_id = :video_id")
# The last one of each POP says what it holds, however old that is.
_PRUNE = text(f"""
DELETE FROM placement_plans p WHERE p.made_at < now() - interval '{KEEP_DAYS} days'
    AND EXISTS (SELECT FROM placement_plans later WHERE later.pop = p.pop AND later.made_at > p.made_at)
""")


def lock(session: Session, pops: Collection[str]) -> set[str]:
    """Let nobody else change placements until the transaction ends; return those of ``pops`` that are there still."""
    session.execute(_LOCK)
    return set(session.execute(_KEEP_POPS, {"names": list(pops)}).scalars())


def made_at(session: Session) -> dict[str, datetime]:
    """Return when what each POP is to hold was decided last; a POP for which it never was is left out."""
    return {row.pop: row.made_at for row in session.execute(_MADE_AT)}


def current(session: Session) -> list[Placed]:
    """Return what all POPs are to hold, the first copy of everything first."""
    return [Placed(*row) for row in session.execute(_CURRENT)]


def totals(session: Session) -> dict[str, Total]:
    """Return how much each POP is to hold; one that is to hold nothing is left out."""
    return {row.pop: Total(row.renditions, row.used_bytes) for row in session.execute(_TOTALS)}


def of_video(session: Session, video_id: UUID) -> dict[str, set[str]]:
    """Return the POPs that are to hold each rendition of a video."""
    found: dict[str, set[str]] = {}
    for row in session.execute(_OF_VIDEO, {"video_id": video_id}):
        found.setdefault(row.rendition, set()).add(row.pop)
    return found


def change(session: Session, given_up: Iterable[Placed], placed: Iterable[Placed], plans: Sequence[Plan]) -> None:
    """Carry out decisions about POPs. Under ``lock``."""
    session.execute(_GIVE_UP, {"rows": _rows(given_up)})
    session.execute(_PLACE, {"rows": _rows(placed)})
    for plan in plans:
        session.execute(_ADD_PLAN, asdict(plan))


def plans(session: Session) -> Mapping[str, Plan]:
    """Return the last decision about each POP."""
    return {row.pop: Plan(*row) for row in session.execute(_PLANS)}


def forget_video(session: Session, video_id: UUID) -> None:
    """Have no POP hold a video any more. In a transaction, at its end: others are left out until then."""
    session.execute(_LOCK)
    session.execute(_FORGET_VIDEO, {"video_id": video_id})


def prune(session: Session) -> None:
    """Forget decisions that are old."""
    session.execute(_PRUNE)


def _rows(placed: Iterable[Placed]) -> list[dict[str, object]]:
    return [asdict(each) | {"video_id": str(each.video_id)} for each in placed]
