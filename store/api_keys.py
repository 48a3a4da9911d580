"""API keys: only the hash of a key is kept, so the key itself is seen once, by whoever made it."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import DateTime, Index, func, insert, or_, select, text, update
from sqlalchemy.dialects.postgresql import BYTEA, TEXT
from sqlalchemy.dialects.postgresql import UUID as PG_UUID
from sqlalchemy.orm import Mapped, Session, mapped_column
from uuid_utils.compat import uuid7

from store.db import Base

PREFIX = "ym_"
SECRET_BYTES = 32
REVOCATIONS_CHANNEL = "api_keys_revoked"
"""Notified at a revocation, so that processes which remember keys forget them at once."""


class ApiKeyRow(Base):
    """A key: whose it is, what it may do, and the SHA-256 of its text.

    A plain hash is enough because a key is 256 random bits, which nobody can guess; passwords would need a slow one.
    """

    __tablename__ = "api_keys"

    id: Mapped[UUID] = mapped_column(PG_UUID(as_uuid=True), primary_key=True)
    owner: Mapped[str] = mapped_column(TEXT, index=True)
    name: Mapped[str] = mapped_column(TEXT)
    key_hash: Mapped[bytes] = mapped_column(BYTEA, unique=True)
    tier: Mapped[str] = mapped_column(TEXT)
    is_admin: Mapped[bool] = mapped_column(server_default=text("false"))
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=text("now()"))
    revoked_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    expires_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))

    __table_args__ = (
        Index("api_keys_expires_at_idx", "expires_at", postgresql_where=text("expires_at IS NOT NULL")),
    )


@dataclass(frozen=True, slots=True)
class ApiKey:
    """What is known of a key, without its text."""

    id: UUID
    owner: str
    name: str
    tier: str
    is_admin: bool
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None

    def has_expired(self, now: datetime) -> bool:
        """Tell whether the key's time is over; most keys' never is."""
        return self.expires_at is not None and self.expires_at <= now


@dataclass(frozen=True, slots=True)
class NewApiKey:
    """What ``create`` writes. ``tier`` is a name from the rate limits' setting; ``expires_in`` may be left out."""

    owner: str
    name: str
    tier: str
    is_admin: bool = False
    expires_in: timedelta | None = None


_COLUMNS = (
    ApiKeyRow.id,
    ApiKeyRow.owner,
    ApiKeyRow.name,
    ApiKeyRow.tier,
    ApiKeyRow.is_admin,
    ApiKeyRow.created_at,
    ApiKeyRow.revoked_at,
    ApiKeyRow.expires_at,
)


def create(session: Session, new: NewApiKey) -> tuple[ApiKey, str]:
    """Make a key and return it with its text, which is shown this once and kept nowhere."""
    key = PREFIX + secrets.token_urlsafe(SECRET_BYTES)
    statement = insert(ApiKeyRow).values(
        id=uuid7(),
        owner=new.owner,
        name=new.name,
        tier=new.tier,
        is_admin=new.is_admin,
        key_hash=hash_key(key),
        expires_at=None if new.expires_in is None else func.now() + new.expires_in,
    )
    row = session.execute(statement.returning(*_COLUMNS)).mappings().one()
    return ApiKey(**row), key


def find_valid(session: Session, key: str) -> ApiKey | None:
    """Return the key whose text is ``key``, unless it was revoked or has expired."""
    statement = select(*_COLUMNS).where(
        ApiKeyRow.key_hash == hash_key(key),
        ApiKeyRow.revoked_at.is_(None),
        or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > func.now()),
    )
    row = session.execute(statement).one_or_none()
    return None if row is None else ApiKey(*row)


def list_all(session: Session) -> list[ApiKey]:
    """Return every key, the oldest first."""
    return [ApiKey(*row) for row in session.execute(select(*_COLUMNS).order_by(ApiKeyRow.id))]


def revoke(session: Session, key_id: UUID) -> bool:
    """Revoke a key and tell every process; return false when there is no such key, or it was revoked before."""
    revoked = (
        update(ApiKeyRow)
        .where(ApiKeyRow.id == key_id, ApiKeyRow.revoked_at.is_(None))
        .values(revoked_at=func.now())
        .returning(func.pg_notify(REVOCATIONS_CHANNEL, ""))
    )
    return session.execute(revoked).first() is not None


_PRUNE = text("""
WITH old AS MATERIALIZED (SELECT id FROM api_keys
    WHERE expires_at IS NOT NULL AND expires_at < now() - make_interval(secs => :keep_s)
    LIMIT :limit FOR UPDATE SKIP LOCKED)
DELETE FROM api_keys k USING old WHERE k.id = old.id RETURNING k.id
""")


def prune(session: Session, keep_s: float, limit: int) -> int:
    """Delete up to ``limit`` keys that expired ``keep_s`` ago; return how many."""
    return len(session.execute(_PRUNE, {"keep_s": keep_s, "limit": limit}).all())


def hash_key(key: str) -> bytes:
    """Return what the database keeps of a key."""
    return hashlib.sha256(key.encode()).digest()
