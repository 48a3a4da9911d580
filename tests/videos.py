"""Videos for tests: clips that ffmpeg makes, uploads, and the worker that encodes them."""

from __future__ import annotations

import hashlib
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import contextmanager
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from adapters.blob_store import create_blob_store
from adapters.ffmpeg import create_ffmpeg, missing_programs
from domain.videos.manifests import MANIFEST, Manifest, ManifestFile, blob_path, dump_manifest, revision_of
from domain.videos.uploads import Part
from jobs.kinds import KINDS
from jobs.videos import follow_publication, request_encoding, request_sweep
from store.db import sessions, transactions
from store.videos import uploads, videos
from store.videos.records import NewVideo, Publication, StoredRendition
from tests.integration.jobs_world import World, running_lifecycle
from workers.tasks.videos import VideoWorker
from workers.tasks.videos.encoding import Encoding
from workers.tasks.videos.sweeping import Sweeping
from workers.work_folders import WorkFolders

KIND = KINDS["videos"]
PART_BYTES = 256 << 10


def need_ffmpeg() -> None:
    if missing := missing_programs():
        pytest.skip(f"not installed: {', '.join(missing)}")


def make_clip(path: Path, *, seconds: float = 5, size: str = "640x480", has_audio: bool = True, more=()) -> Path:
    """Make a clip with a test picture that moves, and a tone."""
    need_ffmpeg()
    sound = ["-f", "lavfi", "-i", f"sine=duration={seconds}"] if has_audio else []
    subprocess.run(
        ["ffmpeg", "-v", "error", "-y", "-f", "lavfi", "-i", f"testsrc2=size={size}:rate=25:duration={seconds}",
         *sound, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *more, str(path)],
        check=True,
    )  # fmt: skip
    return path


class Studio:
    """A blob store, a database with videos, and a worker for them."""

    def __init__(self, engine, folder: Path, encoder=None) -> None:
        self.world = World(engine)
        self.sessions = sessions(engine)
        self.transactions = transactions(engine)
        self.folder = folder
        self.blobs = create_blob_store((folder / "blobs").as_uri())
        self._encoder = encoder

    @property
    def worker(self) -> VideoWorker:
        return self.make_worker(self.folder / "work")

    def make_worker(self, folder: Path, encoder=None, store=None, preset: str = "ultrafast") -> VideoWorker:
        store = store or self.blobs
        encoding = Encoding(
            self.sessions, store, encoder or self._encoder or create_ffmpeg(), WorkFolders(folder), preset
        )
        return VideoWorker(encoding, Sweeping(self.sessions, store))

    def upload(self, file: Path, content_type: str = "video/mp4", sha256: str | None = None, title: str = "film"):
        """Upload a file whole, as the API does; return the video's id and the job that encodes it."""
        content = file.read_bytes()
        video_id = uuid7()
        new = NewVideo(video_id, title, "alice", content_type, len(content), sha256)
        with self.transactions.begin() as session:
            uploads.begin(session, new)
            for start in range(0, len(content), PART_BYTES):
                piece = content[start : start + PART_BYTES]
                part = Part(start, len(piece), hashlib.sha256(piece).hexdigest(), f"uploads/{video_id}/{start}")
                self.blobs.put(part.path, piece)
                uploads.add_part(session, video_id, part)
            job = request_encoding(session, video_id, "alice")
            uploads.set_job(session, video_id, job.id)
        return video_id, job.id

    @contextmanager
    def working(self, worker=None, world=None):
        with running_lifecycle(world or self.world, worker or self.worker, KIND) as lifecycle:
            yield lifecycle

    def run(self, job_id: UUID, worker=None):
        """Take a job through its life; return it as it is then."""
        with self.working(worker) as lifecycle:
            lifecycle.run("videos", job_id)
        return self.world.get(job_id)

    def encode(self, file: Path, **named):
        """Upload a file and encode it; return the video and the job."""
        video_id, job_id = self.upload(file, **named)
        job = self.run(job_id)
        return self.video(video_id), job

    def sweep(self, video_id: UUID):
        with self.sessions() as session:
            job = request_sweep(session, video_id)
        return self.run(job.id)

    def video(self, video_id: UUID):
        with self.sessions() as session:
            return videos.get(session, video_id)

    def stored(self, folder: str) -> list[str]:
        return sorted(blob.path for blob in self.blobs.list(folder))

    def left_over(self) -> list[str]:
        return [path.name for path in (self.folder / "work").rglob("*") if path.is_file()]


def encoders_in(folder: Path) -> list[int]:
    """Return the processes of ffmpeg that work in ``folder``, or somewhere below."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            is_ours = (process / "cwd").readlink().is_relative_to(folder)
            if is_ours and (process / "comm").read_text().strip() == "ffmpeg":
                found.append(int(process.name))
        except OSError:
            continue
    return found


def eventually(condition: Callable[[], object], timeout_s: float = 30.0):
    """Wait until ``condition`` returns something; return that."""
    deadline = time.monotonic() + timeout_s
    while not (found := condition()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


def publish(studio: Studio, files: Mapping[str, bytes], title: str = "film", duration_s: float = 10.0):
    """Serve files as a video, without encoding any; return the video."""
    video_id = uuid7()
    listed = [
        ManifestFile(path, len(content), hashlib.sha256(content).hexdigest()) for path, content in files.items()
    ]
    manifest = Manifest(tuple(listed), (), duration_s)
    body = dump_manifest(manifest)
    revision = revision_of(body)
    for path, content in {**files, MANIFEST: body}.items():
        studio.blobs.put(blob_path(video_id, revision, path), content)
    rendition = StoredRendition("sd", 640, 360, 800_000, 1000, 3)
    with studio.transactions.begin() as session:
        uploads.begin(session, NewVideo(video_id, title, "alice", "video/mp4", 1, None))
        uploads.add_part(session, video_id, Part(0, 1, "0" * 64, f"uploads/{video_id}/0"))
        assert videos.publish(session, video_id, Publication(revision, duration_s, (rendition,)))
        follow_publication(session, video_id)
    return studio.video(video_id)
