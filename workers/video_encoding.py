"""The part of the workers' composition root that only those load who encode videos."""

from __future__ import annotations

from sqlalchemy import Engine

from adapters.blob_store import create_blob_store
from adapters.ffmpeg import create_ffmpeg
from config.settings import Settings
from store.db import sessions
from workers.tasks.videos import VideoWorker
from workers.tasks.videos.encoding import Encoding
from workers.tasks.videos.sweeping import Sweeping
from workers.work_folders import WorkFolders


def create_video_worker(settings: Settings, engine: Engine) -> VideoWorker:
    """Build the handler of ``videos`` jobs.

    Raises:
        NoFfmpegError: ffmpeg is not installed.
        ValueError: the blob store's URL is wrong.
    """
    store = create_blob_store(settings.blob_store_url, settings.blob_store_endpoint)
    make_session = sessions(engine)
    encoding = Encoding(make_session, store, create_ffmpeg(), WorkFolders(settings.home / "videos"))
    return VideoWorker(encoding, Sweeping(make_session, store))
