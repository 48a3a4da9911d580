"""Encode an uploaded video and put the result where it can be served from."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy.orm import Session

from domain.content.blobs import BlobNotFoundError, BlobStore
from domain.videos.checks import check_encoding
from domain.videos.encoder import Encoder, EncoderError, Run
from domain.videos.manifests import MANIFEST, Manifest, ManifestFile, blob_path, dump_manifest, revision_of
from domain.videos.plan import Rendition, encode_arguments, fallback_arguments, plan_renditions
from domain.videos.playlists import MAX_BYTES
from domain.videos.sources import Source, read_source
from domain.videos.uploads import Part
from jobs.model import JobContext, JobFailedError, Outcome
from jobs.videos import follow_publication, request_sweep
from store.videos import uploads, videos
from store.videos.records import Publication, StoredRendition, Video
from workers.work_folders import WorkFolders

SOURCE = "source"
OUT = "out"
TIMEOUT_S = 300.0
TIMEOUT_PER_SECOND = 20.0
ENCODING_SHARE = 0.9
"""So much of the percentage is encoding; the rest is putting files into the store."""


@dataclass(frozen=True, slots=True)
class Encoding:
    """How videos are encoded.

    ``sessions`` makes sessions in which every statement commits by itself. ``preset`` is x264's: how much time is
    spent on fewer bytes.
    """

    sessions: Callable[[], Session]
    store: BlobStore
    encoder: Encoder
    folders: WorkFolders
    preset: str = "veryfast"

    def run(self, video_id: UUID, context: JobContext) -> Outcome:
        """Encode a video; its publication is an effect of the outcome.

        Raises:
            JobFailedError, BrokenVideoError: the upload is wrong.
            EncoderError, BadEncodingError, BlobStoreError, OSError: another attempt may succeed.
        """
        with self.sessions() as session:
            video = videos.get(session, video_id)
            parts = uploads.parts(session, video_id)
        if video is None or video.state != "uploaded":
            return Outcome({"skipped": f"the video is {video.state if video else 'gone'}"})
        stopped = threading.Event()
        context.on_stop(stopped.set)
        with self.folders.folder(f"{context.job_id}-{context.epoch}") as folder:
            self._assemble(video, parts, folder / SOURCE, stopped)
            source = read_source(self.encoder.probe(folder / SOURCE, stopped), video.content_type)
            renditions = plan_renditions(source)
            self._encode(source, renditions, folder, _Work(context, stopped))
            manifest = _check(source, renditions, folder / OUT)
            revision = self._store(video, manifest, folder / OUT, _Work(context, stopped))
        return _outcome(video, manifest, revision)

    def _assemble(self, video: Video, parts: list[Part], target: Path, stopped: threading.Event) -> None:
        whole = hashlib.sha256()
        with target.open("wb") as file:
            for part in parts:
                _go_on(stopped)
                try:
                    content, _ = self.store.get(part.path)
                except BlobNotFoundError as error:
                    raise JobFailedError("a part of the upload is missing; upload the video again") from error
                if len(content) != part.size_bytes or hashlib.sha256(content).hexdigest() != part.sha256:
                    raise JobFailedError("a part of the upload is damaged; upload the video again")
                file.write(content)
                whole.update(content)
            size_bytes = file.tell()
        if size_bytes != video.size_bytes:
            raise JobFailedError(f"the upload has {size_bytes} bytes, and was announced with {video.size_bytes}")
        if video.sha256 is not None and video.sha256 != whole.hexdigest():
            raise JobFailedError(f"the upload has the SHA-256 {whole.hexdigest()}, and was announced with another")

    def _encode(self, source: Source, renditions: tuple[Rendition, ...], folder: Path, work: _Work) -> None:
        out = folder / OUT
        out.mkdir()
        timeout_s = TIMEOUT_S + TIMEOUT_PER_SECOND * source.duration_s
        demuxer = source.container.partition(",")[0]
        arguments = encode_arguments(source, renditions, self.preset)
        run = Run(out, f"../{SOURCE}", (demuxer,), arguments, source.duration_s, timeout_s, work.stopped)
        self.encoder.encode(run, lambda percent: work.report("encoding", percent * ENCODING_SHARE))
        # What we have made ourselves: the playlist names files beside it.
        first = renditions[0]
        run = Run(
            out, first.playlist, ("hls", "mpegts"), fallback_arguments(), source.duration_s, timeout_s, work.stopped
        )
        self.encoder.encode(run, lambda _: None)

    def _store(self, video: Video, manifest: Manifest, out: Path, work: _Work) -> str:
        content = dump_manifest(manifest)
        revision = revision_of(content)
        for place, file in enumerate(manifest.files):
            _go_on(work.stopped)
            self.store.put(blob_path(video.id, revision, file.path), out / file.path)
            done = (place + 1) / len(manifest.files)
            work.report("publishing", 100 * (ENCODING_SHARE + (1 - ENCODING_SHARE) * done))
        _go_on(work.stopped)
        self.store.put(blob_path(video.id, revision, MANIFEST), content)
        return revision


@dataclass(frozen=True, slots=True)
class _Work:
    context: JobContext
    stopped: threading.Event

    def report(self, step: str, percent: float) -> None:
        self.context.report_progress({"step": step, "percent": round(percent, 1)})


def _go_on(stopped: threading.Event) -> None:
    if stopped.is_set():
        raise EncoderError("the work was stopped")


def _check(source: Source, renditions: tuple[Rendition, ...], out: Path) -> Manifest:
    paths = sorted(path for path in out.rglob("*") if path.is_file())
    sizes = {str(path.relative_to(out)): path.stat().st_size for path in paths}
    playlists = {name: _head(out / name) for name in sizes if name.endswith(".m3u8")}
    check_encoding(source, renditions, sizes, playlists)
    files = tuple(ManifestFile(name, size, _sha256(out / name)) for name, size in sizes.items())
    return Manifest(files, renditions, source.duration_s)


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _outcome(video: Video, manifest: Manifest, revision: str) -> Outcome:
    renditions = tuple(
        StoredRendition(
            each.name, each.width, each.height, each.video_bps, manifest.size_of(each.name),
            sum(file.path.startswith(f"{each.name}/") for file in manifest.files),
        )
        for each in manifest.renditions
    )  # fmt: skip
    publication = Publication(revision, manifest.duration_s, renditions)

    def publish(session: Session) -> None:
        if videos.publish(session, video.id, publication):
            follow_publication(session, video.id)
        else:
            # It was taken down, or published by another worker, meanwhile: what we wrote is not needed.
            request_sweep(session, video.id)

    result: dict[str, object] = {
        "video": str(video.id), "revision": revision, "duration_s": round(manifest.duration_s, 3),
        "size_bytes": sum(file.size_bytes for file in manifest.files),
        "renditions": [each.name for each in renditions],
    }  # fmt: skip
    return Outcome(result, effects=(publish,))
