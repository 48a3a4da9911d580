"""Videos: an upload becomes renditions that can be streamed, or fails with a reason that its uploader can read.

Theory of operation
-------------------
``encode`` goes through these steps, each of which can be done again from the beginning: put the parts of the upload
together in a folder of this job's own, and check them against what the uploader announced; ask what the file is;
encode; check the result; put every file into the blob store under the revision, the manifest last. Only then does the
effect of the job's end swap the pointer in the database, in the transaction that ends the job; so a video is served
whole or not at all, and a worker that lost the job meanwhile changes nothing that is served.

A stop (cancelled, fenced, draining) kills ffmpeg, which is asked twenty times a second, and ends the other steps at
the next file. A disk that is full and an ffmpeg that was killed are tried again; what cannot be decoded is not.

``sweep`` is all housekeeping of one video: it deletes what nobody needs in the state that it finds, and comes again
in a day while something may still go on. It is submitted with the upload, when it is published, and at a takedown.
"""

from __future__ import annotations

import errno
from collections.abc import Callable, Mapping
from uuid import UUID

from domain.content.blobs import BlobStoreError
from domain.videos.checks import BadEncodingError
from domain.videos.encoder import BrokenVideoError, EncoderError
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError
from workers.tasks.videos.encoding import Encoding
from workers.tasks.videos.sweeping import Sweeping

_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class VideoWorker:
    """The handler of ``videos`` jobs: ``{"do": "encode" | "sweep", "video": id}``."""

    def __init__(self, encoding: Encoding, sweeping: Sweeping) -> None:
        self.encoding = encoding
        self._steps: Mapping[object, Callable[[UUID, JobContext], Outcome]] = {
            "encode": encoding.run,
            "sweep": sweeping.run,
        }

    def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
        """Encode a video, or delete what is no longer needed of one.

        Raises:
            JobFailedError: the upload is not what it was announced as, or cannot be encoded.
            TransientJobError: the disk is full, the store is away, or ffmpeg was killed.
        """
        run = self._steps.get(payload.get("do"))
        if run is None:
            raise JobFailedError(f"there is no such work: {payload}")
        try:
            return run(UUID(str(payload.get("video"))), context)
        except BrokenVideoError as error:
            raise JobFailedError(str(error)) from error
        except (BadEncodingError, EncoderError, BlobStoreError) as error:
            raise TransientJobError(str(error)) from error
        except OSError as error:
            if error.errno not in _DISK_FULL:
                raise
            raise TransientJobError("the worker's disk is full") from error
