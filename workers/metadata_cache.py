"""The daily refresh of what the cache has of users: lists of what they watched last."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from sqlalchemy.orm import Session, sessionmaker

from domain.viewings.model import CacheAwayError, Refreshed, Viewing, ViewingCache
from jobs.model import JobContext, Outcome, TransientJobError
from store import viewings

ACTIVE_DAYS = 7
"""Whoever watched nothing for longer has a list in the cache only when it is read."""
PAGE = 200


@dataclass(frozen=True, slots=True)
class MetadataRefresher:
    """Makes the lists of all who are active anew. Others' end by themselves in about a day."""

    sessions: sessionmaker[Session]
    cache: ViewingCache
    page: int = PAGE

    def refresh(self, context: JobContext) -> Outcome:
        """Do it, page by page; to do it again does no harm.

        Raises:
            TransientJobError: the cache is away, or the worker ends.
        """
        stopped = threading.Event()
        context.on_stop(stopped.set)
        owners, counted, after = 0, Refreshed(), ""
        while page := self._active_after(after):
            if stopped.is_set():
                raise TransientJobError("interrupted")
            try:
                counted += self.cache.refresh(page, self._read)
            except CacheAwayError as error:
                raise TransientJobError(str(error)) from error
            owners, after = owners + len(page), page[-1]
            context.report_progress({"owners": owners})
        return Outcome({"owners": owners, **asdict(counted)})

    def _active_after(self, after: str) -> list[str]:
        with self.sessions.begin() as session:
            return viewings.active_owners(session, after, ACTIVE_DAYS, self.page)

    def _read(self, owners: Sequence[str]) -> Mapping[str, Sequence[Viewing]]:
        with self.sessions.begin() as session:
            return viewings.newest(session, owners)
