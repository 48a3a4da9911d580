"""Delete what is no longer needed of a video: its upload, revisions that nobody serves, or all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy.orm import Session

from domain.content.blobs import BlobStore
from domain.videos.manifests import FOLDER
from domain.videos.uploads import FOLDER as UPLOADS
from jobs.model import JobContext, Outcome
from jobs.videos import ABANDONED_AFTER, request_sweep
from store.videos import uploads, videos
from store.videos.records import Video

LEFT_ALONE = timedelta(hours=1)
"""A worker that is not done may be writing so long after a takedown, and what is so young under another revision."""


@dataclass(frozen=True, slots=True)
class Sweeping:
    """Sweeps a video; ``sessions`` makes sessions in which every statement commits by itself."""

    sessions: Callable[[], Session]
    store: BlobStore

    def run(self, video_id: UUID, _context: JobContext) -> Outcome:
        """Delete what the video's state no longer needs; come again in a day if something may still go on.

        Raises:
            BlobStoreError: the store is away; what was deleted is deleted.
        """
        with self.sessions() as session:
            video = videos.get(session, video_id)
            if video is None or self._sweep(session, video):
                return Outcome({"swept": video.state if video else "nothing"})

        def come_again(session: Session) -> None:
            request_sweep(session, video_id, ABANDONED_AFTER)

        return Outcome({"swept": "nothing yet"}, effects=(come_again,))

    def _sweep(self, session: Session, video: Video) -> bool:
        """Delete what can be deleted; tell whether that is all there will be."""
        age_s = ABANDONED_AFTER.total_seconds()
        if video.state == "removed":
            self._delete_all(session, video.id)
            # A worker that was encoding it may put files there until it notices.
            return datetime.now(UTC) - video.updated_at > LEFT_ALONE
        if video.state == "uploaded" and uploads.settle(session, video.id, age_s):
            self._delete_all(session, video.id)
            return True
        if video.state == "abandoned" or (video.state == "uploading" and uploads.abandon(session, video.id, age_s)):
            self._delete_all(session, video.id)
            uploads.delete_abandoned(session, video.id)
            return True
        if video.state == "ready":
            self._delete_upload(session, video.id)
            return self._delete_other_revisions(video)
        return False

    def _delete_all(self, session: Session, video_id: UUID) -> None:
        self._delete_upload(session, video_id)
        for blob in list(self.store.list(f"{FOLDER}/{video_id}")):
            self.store.delete(blob.path)

    def _delete_upload(self, session: Session, video_id: UUID) -> None:
        # Not by the rows: a chunk that lost a race, or was cut off, has left a blob and no row.
        for blob in list(self.store.list(f"{UPLOADS}/{video_id}")):
            self.store.delete(blob.path)
        uploads.forget_parts(session, video_id)

    def _delete_other_revisions(self, video: Video) -> bool:
        served = f"{FOLDER}/{video.id}/{video.revision}/"
        others = [blob for blob in self.store.list(f"{FOLDER}/{video.id}") if not blob.path.startswith(served)]
        old = [blob for blob in others if datetime.now(UTC) - blob.modified_at > LEFT_ALONE]
        for blob in old:
            self.store.delete(blob.path)
        return len(old) == len(others)
