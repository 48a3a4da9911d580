"""Content sets: look by the clock whether what is published is whole, and tell the servers that they should serve it.

A payload ``{"set": "questions"}`` has that set's pointer read and its revision loaded, checked and parsed, as a
server does it. Only then is anybody told, so that a store whose content is damaged is one job's failure, and not that
of every server at once.
"""

from __future__ import annotations

from dataclasses import dataclass

from domain.content.blobs import BlobStore, BlobStoreError
from domain.content.parsers import PARSERS
from domain.content.sets import DamagedSetError, load_records, read_pointer
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError
from store import content


@dataclass(frozen=True, slots=True)
class SetChecker:
    """The handler of ``content_sets`` jobs."""

    store: BlobStore

    def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
        """Prove a set and tell the servers.

        Raises:
            JobFailedError: there is no such set, or what is stored of it is not what was published.
            TransientJobError: the blob store is away.
        """
        name = str(payload.get("set"))
        if name not in PARSERS:
            raise JobFailedError(f"there is no set of content called {name!r}")
        try:
            revision, records = self._prove(name)
        except BlobStoreError as error:
            raise TransientJobError(f"the blob store is away: {error}") from error
        except (DamagedSetError, ValueError) as error:
            raise JobFailedError(f"the set {name} cannot be served: {error}") from error
        if revision is None:
            return Outcome({"set": name, "revision": None})
        result: dict[str, object] = {"set": name, "revision": revision, "records": records}
        return Outcome(result, effects=(lambda session: content.tell(session, name),))

    def _prove(self, name: str) -> tuple[str | None, int]:
        served = read_pointer(self.store, name)
        if served is None:
            return None, 0
        manifest = served.pointer.manifest
        return manifest.revision, len(load_records(self.store, name, manifest, PARSERS[name]))
