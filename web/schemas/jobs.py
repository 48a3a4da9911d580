"""How jobs are shown and asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from web.cursors import CURSOR_PATTERN

State = Literal["queued", "dispatched", "running", "succeeded", "failed", "cancelled", "expired"]
JsonObject = dict[str, object]


class _Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class WaitQuery(_Query):
    """Of a read that may wait."""

    wait: Annotated[
        float | None,
        Field(
            ge=0,
            le=3600,
            allow_inf_nan=False,
            description="Seconds to wait for the job to end, or with If-None-Match to change; capped by the server.",
        ),
    ] = None


class ListQuery(_Query):
    """Which jobs to list, newest first."""

    kind: Annotated[str | None, Field(min_length=1, max_length=64, pattern="^[a-z_]+$")] = None
    state: Annotated[State | None, Field(description="failed lists the dead letters.")] = None
    parent: Annotated[UUID | None, Field(description="Only the children of this batch.")] = None
    include: Annotated[
        Literal["result"] | None, Field(description="Show results too, which lists leave out by default.")
    ] = None
    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[
        str | None, Field(pattern=CURSOR_PATTERN, description="From the page before; see Link: rel=next.")
    ] = None


class NoQuery(_Query):
    """Of a route that takes no parameters."""


class Children(BaseModel):
    """How far a batch is, and how its jobs ended. ``ids`` are in the order of its runs.

    Lists show ``total`` and ``finished`` only.
    """

    total: int
    finished: int
    succeeded: int | None = None
    failed: int | None = None
    cancelled: int | None = None
    expired: int | None = None
    ids: list[UUID] | None = None


class JobOut(BaseModel):
    """A job. ``result`` is set once it has succeeded, ``error`` after an attempt that failed."""

    id: UUID
    kind: str
    owner: str
    state: State
    priority: int = Field(description="Lower runs first.")
    attempt: int
    crashes: int
    max_attempts: int
    progress: JsonObject | None
    result: JsonObject | None = None
    error: JsonObject | None
    parent_id: UUID | None
    children: Children | None
    created_at: datetime
    run_at: datetime
    deadline: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    links: dict[str, str]


class JobPage(BaseModel):
    """One page of jobs. ``next`` is the address of the following page."""

    jobs: list[JobOut]
    next: str | None
