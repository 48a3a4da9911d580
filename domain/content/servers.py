"""Who serves which revision: what every server says of itself, so that one can see whether all serve the same."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class ServersUnknownError(Exception):
    """The place where servers report is away; they serve all the same."""


@dataclass(frozen=True, slots=True)
class SetReport:
    """What one process of a server serves of a set.

    ``revision`` and ``loaded_at`` are ``None`` while it serves nothing. ``checked_at`` is when it last knew that the
    revision is the published one, and ``failure`` why it has not known since.
    """

    server: str
    process: int
    set: str
    revision: str | None
    loaded_at: datetime | None
    checked_at: datetime | None
    failure: str | None


class ContentServers(Protocol):
    """Where servers report. A report that is not renewed is forgotten after a while."""

    def report(self, reports: Sequence[SetReport]) -> None:
        """Say what this process serves; while the place is away nothing happens."""

    def list(self) -> Sequence[SetReport]:
        """Return what was reported lately, by server, process and set.

        Raises:
            ServersUnknownError: the place is away.
        """

    def close(self) -> None:
        """Close the connections to the place."""
