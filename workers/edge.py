"""The part of the workers' composition root that only those load who refresh caches."""

from __future__ import annotations

import threading
from functools import partial
from uuid import UUID

from sqlalchemy import Engine

from adapters.blob_store import create_blob_store
from adapters.edge import HttpPopDriver
from adapters.redis_client import create_redis_client
from adapters.viewing_cache import RedisViewingCache
from config.settings import Settings
from domain.cache_refreshes.edge import EdgeRefusedError
from domain.cache_refreshes.pops import Pop, control_key
from domain.cache_refreshes.refresh import Wanted
from domain.content.blobs import BlobNotFoundError, BlobStore, BlobStoreError
from domain.content.parsers import PARSERS
from domain.content.sets import DamagedSetError, load_records, read_pointer
from domain.videos.manifests import MANIFEST, DamagedManifestError, blob_path, parse_manifest
from domain.videos.plan import FALLBACK, MASTER
from store.db import transactions
from store.edge_objects import EdgeObject
from workers.edge_tools import EdgeTools, SetAwayError, VideoDamagedError
from workers.metadata_cache import MetadataRefresher
from workers.tasks.cache_refreshes import CacheRefresher

METADATA_TIMEOUT_S = 2.0


def create_refresher(settings: Settings, engine: Engine) -> CacheRefresher:
    """Build the handler of ``cache_refreshes`` jobs."""
    blobs = create_blob_store(settings.blob_store_url, settings.blob_store_endpoint)
    drivers = Drivers(settings.edge_secret)
    tools = EdgeTools(
        transactions(engine), drivers.drive, partial(set_objects, blobs), partial(video_objects, blobs)
    )  # fmt: skip
    cache = RedisViewingCache(create_redis_client(settings.redis_url, METADATA_TIMEOUT_S))
    return CacheRefresher(tools, MetadataRefresher(tools.sessions, cache))


class Drivers:
    """The drivers of this process, one for each POP, which keep their connections; for any number of threads."""

    def __init__(self, secret: str | None) -> None:
        self._secret = secret
        self._drivers: dict[tuple[str, str], HttpPopDriver] = {}
        self._lock = threading.Lock()

    def drive(self, pop: Pop) -> HttpPopDriver:
        """Return a POP's driver.

        Raises:
            EdgeRefusedError: there is nothing to make keys of.
        """
        if self._secret is None:
            raise EdgeRefusedError("EDGE_SECRET is not set, so there is no key for the POP")
        with self._lock:
            place = (pop.name, pop.control_url)
            if place not in self._drivers:
                self._drivers[place] = HttpPopDriver(pop.control_url, control_key(self._secret, pop.name))
            return self._drivers[place]


def set_objects(blobs: BlobStore, name: str) -> list[EdgeObject]:
    """Return what is served of a set: its list and each of its items, all with the revision as their ETag.

    Raises:
        SetAwayError: it cannot be read.
    """
    try:
        served = read_pointer(blobs, name)
        if served is None:
            return []
        manifest = served.pointer.manifest
        ids = load_records(blobs, name, manifest, PARSERS[name])
    except (BlobStoreError, DamagedSetError, ValueError) as error:
        raise SetAwayError(f"the set {name} cannot be read: {error}") from error
    paths = [f"/v1/{name}", *(f"/v1/{name}/{id_}" for id_ in ids)]
    return [EdgeObject(Wanted(path, f'"{manifest.revision}"'), set_name=name) for path in paths]


def video_objects(blobs: BlobStore, video_id: UUID, revision: str) -> list[EdgeObject]:
    """Return what POPs hold of a video: its renditions, each with its name, and the playlist of them all, with none.

    The file for players without HLS is left out: it would take as much room as SD once more, and few ask for it.
    Nothing, if the video is gone meanwhile.

    Raises:
        SetAwayError: its manifest cannot be read.
        VideoDamagedError: what is stored there is no manifest of it.
    """
    try:
        content, _ = blobs.get(blob_path(video_id, revision, MANIFEST))
        manifest = parse_manifest(content, revision)
    except BlobNotFoundError:
        return []
    except DamagedManifestError as error:
        raise VideoDamagedError(f"the manifest of video {video_id} is damaged: {error}") from error
    except BlobStoreError as error:
        raise SetAwayError(f"the manifest of video {video_id} cannot be read: {error}") from error
    return [
        EdgeObject(
            Wanted(f"/v/{video_id}/{revision}/{file.path}", f'"{file.sha256}"'), video=str(video_id),
            rendition=None if file.path == MASTER else file.path.partition("/")[0],
        )
        for file in manifest.files if file.path != FALLBACK
    ]  # fmt: skip
