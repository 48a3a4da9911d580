"""The NOTIFY channel of content: which set was published, for every process that serves it."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.orm import Session

PUBLISHED = "content"
"""Payload: a set's name. Whoever serves it looks at the set's pointer, which says what is served from now on."""


def tell(session: Session, set_name: str) -> None:
    """Tell every process that listens to look at a set's pointer."""
    session.execute(select(func.pg_notify(PUBLISHED, set_name)))
