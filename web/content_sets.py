"""The content sets that this process serves from its memory, and how they are kept up to date.

Theory of operation
-------------------
What is served of a set is one object that never changes: all answers, written as JSON when it was loaded, and the
records. A request takes the reference once, so that everything in its answer is of one revision; a new revision is
loaded, checked and built beside the old one, and then the reference is swapped.

One thread looks after all sets. It reads a set's pointer at the start, whenever the database tells that something was
published (or that it may have missed that), and every half an hour; each process at its own minute. Where the pointer
names what is served already, that is all. Whatever goes wrong leaves what is served as it is; it is counted, its age
shows in the metrics, and it is tried again, soon at first and at least once a minute.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Generic, Protocol, TypeVar

from domain.content.blobs import BlobStore, BlobStoreError
from domain.content.servers import ContentServers, SetReport
from domain.content.sets import DamagedSetError, load_records, read_pointer
from store.vital import VitalThread
from web.problems import ContentUnavailableError

LOOK_EVERY_S = 1800.0
REPORT_EVERY_S = 20.0
RETRY_MIN_S = 1.0
RETRY_MAX_S = 60.0
UNAVAILABLE_RETRY_S = 2
START_S = 10.0
"""So long a process waits for its first sets before it serves without them."""

Record_co = TypeVar("Record_co", covariant=True)

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answers:
    """A set's answers as JSON: the whole list, its single entries by id, and the items by id."""

    list: bytes
    entries: Mapping[str, bytes]
    items: Mapping[str, bytes]


@dataclass(frozen=True, slots=True)
class LoadedSet(Generic[Record_co]):
    """One revision of a set, ready to be served."""

    revision: str
    records: Mapping[str, Record_co]
    answers: Answers
    loaded_at: datetime


class SetMetrics(Protocol):
    """What is counted about sets."""

    def note_set(self, name: str, checked_at: datetime, loaded_at: datetime | None) -> None:
        """Note when a set was last known to be the published one, and when it was loaded."""

    def count_set_failure(self, name: str) -> None:
        """Count one look at a set that failed."""


class ContentSet(Generic[Record_co]):
    """One set; ``parse`` and ``build`` make records of its content, and answers of those and the revision."""

    def __init__(
        self,
        name: str,
        store: BlobStore,
        parse: Callable[[bytes], Mapping[str, Record_co]],
        build: Callable[[Mapping[str, Record_co], str], Answers],
    ) -> None:
        self.name = name
        self._store = store
        self._parse = parse
        self._build = build
        self._loaded: LoadedSet[Record_co] | None = None
        self.checked_at: datetime | None = None
        self.failure: str | None = None

    def current(self) -> LoadedSet[Record_co] | None:
        """Return what is served; ``None``: nothing was published yet.

        Raises:
            ContentUnavailableError: nobody knows yet what was published.
        """
        if self._loaded is None and self.checked_at is None:
            headers = {"Retry-After": str(UNAVAILABLE_RETRY_S)}
            raise ContentUnavailableError(f"the {self.name} could not be loaded yet", headers=headers)
        return self._loaded

    def look(self) -> bool:
        """Load what is published, if it is not what is served; tell whether that is certain now."""
        try:
            loaded = self._load()
        # Records that are checked to be what somebody published may still be none that we can show.
        except (BlobStoreError, DamagedSetError, ValueError, TypeError, AttributeError) as error:
            if self.failure is None:
                _LOG.warning("the %s cannot be brought up to date: %s", self.name, error)
            self.failure = str(error)
            return False
        if loaded is not self._loaded and loaded is not None:
            _LOG.info("the %s are served", self.name, extra={"revision": loaded.revision})
        self._loaded, self.checked_at, self.failure = loaded, datetime.now(UTC), None
        return True

    def report(self, server: str, process: int) -> SetReport:
        """Return what this process says about the set."""
        loaded = self._loaded
        revision, loaded_at = (loaded.revision, loaded.loaded_at) if loaded else (None, None)
        return SetReport(server, process, self.name, revision, loaded_at, self.checked_at, self.failure)

    def _load(self) -> LoadedSet[Record_co] | None:
        served = read_pointer(self._store, self.name)
        if served is None:
            if self._loaded is not None:
                raise DamagedSetError(f"the pointer of {self.name} is gone")
            return None
        manifest = served.pointer.manifest
        if self._loaded is not None and self._loaded.revision == manifest.revision:
            return self._loaded
        records = load_records(self._store, self.name, manifest, self._parse)
        answers = self._build(records, manifest.revision)
        return LoadedSet(manifest.revision, records, answers, datetime.now(UTC))


class SetKeeper:
    """The thread that keeps ``sets`` up to date and reports what is served."""

    def __init__(self, sets: Sequence[ContentSet[object]], servers: ContentServers, metrics: SetMetrics) -> None:
        self._sets = sets
        self._servers = servers
        self._metrics = metrics
        self._server, self._process = socket.gethostname(), os.getpid()
        self._told = threading.Event()
        self._begun = threading.Event()
        self._stopping = False
        self._retry_s = RETRY_MIN_S
        self._look_at = 0.0
        self._thread = VitalThread(self._run, "content")

    def start(self, patience_s: float = START_S) -> None:
        """Begin, and wait until every set has been looked at once, but no longer than ``patience_s``; call once."""
        for each in self._sets:
            # What never could be loaded is as old as this process.
            self._metrics.note_set(each.name, datetime.now(UTC), None)
        self._thread.start()
        self._begun.wait(patience_s)

    def tell(self) -> None:
        """Have the sets looked at; returns at once."""
        self._told.set()

    def stop(self) -> None:
        """End the thread; call once."""
        self._stopping = True
        self._told.set()
        self._thread.join()
        self._servers.close()

    def _run(self) -> None:
        # Not all servers of a start at the same minute.
        every_s = LOOK_EVERY_S * (0.5 + zlib.crc32(f"{self._server}:{self._process}".encode()) / 2**33)
        while not self._stopping:
            if self._told.is_set() or time.monotonic() >= self._look_at:
                # Cleared before looking: what is told from here on may have come too late to be seen.
                self._told.clear()
                self._look(every_s)
            self._servers.report([each.report(self._server, self._process) for each in self._sets])
            self._begun.set()
            self._told.wait(min(REPORT_EVERY_S, max(0.0, self._look_at - time.monotonic())))

    def _look(self, every_s: float) -> None:
        are_certain = [self._look_at_set(each) for each in self._sets]
        if all(are_certain):
            self._retry_s = RETRY_MIN_S
            self._look_at = time.monotonic() + every_s
        else:
            self._look_at = time.monotonic() + self._retry_s
            self._retry_s = min(2 * self._retry_s, RETRY_MAX_S)

    def _look_at_set(self, content_set: ContentSet[object]) -> bool:
        is_certain = content_set.look()
        report = content_set.report(self._server, self._process)
        if not is_certain:
            self._metrics.count_set_failure(content_set.name)
        elif report.checked_at is not None:
            self._metrics.note_set(content_set.name, report.checked_at, report.loaded_at)
        return is_certain
