"""What may be asked of the caches at the edge, and how it is shown."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from domain.cache_refreshes.model import MAX_ENTRIES
from web.cursors import CURSOR_PATTERN
from web.schemas.rides import Strict, plain

MAX_REASON_LENGTH = 500
MAX_TEXT_LENGTH = 4000
MAX_POPS = 1000


def _all_as_none(value: object) -> object:
    return None if value == "all" else value


Text = Annotated[str, Field(min_length=1, max_length=MAX_TEXT_LENGTH)]
Reason = Annotated[
    str,
    Field(
        min_length=1,
        max_length=MAX_REASON_LENGTH,
        json_schema_extra={"pattern": "^[^\\u0000-\\u001f\\u007f]+$"},
        description="Why; it stays on record.",
    ),
    AfterValidator(plain),
]
PopNames = Annotated[
    list[Text] | None,
    Field(min_length=1, max_length=MAX_POPS),
    BeforeValidator(_all_as_none),
    WithJsonSchema(
        {
            "anyOf": [
                {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": MAX_POPS},
                {"const": "all"},
                {"type": "null"},
            ]
        }
    ),
]


class CacheRefreshIn(Strict):
    """What POPs shall do, about exactly one of ``urls``, ``tags``, ``prefix`` and ``set``."""

    urls: list[Text] | None = Field(
        None, min_length=1, max_length=MAX_ENTRIES, description="Paths, or URLs of our POPs."
    )
    tags: list[Text] | None = Field(
        None,
        min_length=1,
        max_length=MAX_ENTRIES,
        description="Words of Surrogate-Key: questions:best-xor, video:42.",
    )
    prefix: Text | None = Field(None, description="A folder, which begins and ends with a slash.")
    set: Text | None = Field(None, description="questions or titles: a whole set, list and items.")
    mode: Literal["soft", "hard", "fill"] = Field(
        "soft",
        description="soft: stale copies are served until new ones are fetched. hard: copies are dropped, and not"
        " fetched again. fill: what lacks is fetched.",
    )
    pops: PopNames = Field(None, description="Names of POPs, or all.")
    reason: Reason
    now: bool = Field(default=False, description="A fill does not wait for the POPs' windows.")


Owner = Annotated[
    str,
    Field(min_length=1, max_length=200, json_schema_extra={"pattern": "^[^\\u0000-\\u001f\\u007f]+$"}),
    AfterValidator(plain),
]


class CacheRefreshQuery(BaseModel):
    """Which refreshes to list, newest first."""

    model_config = ConfigDict(extra="forbid")

    by: Annotated[Owner | None, Field(description="Who asked; system: the clock.")] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[
        str | None, Field(pattern=CURSOR_PATTERN, description="From the page before; see Link: rel=next.")
    ] = None


class CacheRefreshTargetOut(BaseModel):
    """A refresh on one POP.

    ``removed``: copies made stale or dropped. ``filled``: objects fetched, of ``bytes`` together. ``verified``:
    objects that are proven to be held; after a hard purge, to be gone.
    """

    pop: str
    state: Literal["queued", "running", "done", "deferred", "failed"]
    attempts: int
    removed: int
    filled: int
    verified: int
    bytes: int
    last_error: str | None
    started_at: datetime | None
    finished_at: datetime | None


class CacheRefreshOut(BaseModel):
    """A refresh: who asked for what and why, and what became of it on each POP.

    ``deferred``: nothing happens until POPs that were away are back.
    """

    id: UUID
    by: str
    reason: str
    mode: Literal["soft", "hard", "fill"]
    selection: dict[str, object]
    now: bool
    state: Literal["working", "deferred", "finished"]
    targets: list[CacheRefreshTargetOut]
    created_at: datetime
    links: dict[str, str]


class CacheRefreshPage(BaseModel):
    """One page of refreshes. ``next`` is the address of the following page."""

    cache_refreshes: list[CacheRefreshOut]
    next: str | None
