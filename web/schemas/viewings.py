"""How it is shown what somebody watched."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.viewings.model import MAX_LISTED


class ViewingQuery(BaseModel):
    """How many to list."""

    model_config = ConfigDict(extra="forbid")

    limit: Annotated[int, Field(ge=1, le=MAX_LISTED)] = 20


class ViewingOut(BaseModel):
    """A title that the caller watched. ``links.title`` is its record in the catalogue, while it is there."""

    title: str
    first_at: datetime
    last_at: datetime
    times: int
    links: dict[str, str]


class ViewingsOut(BaseModel):
    """What the caller watched last, the newest first."""

    viewings: list[ViewingOut]
