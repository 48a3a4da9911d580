"""What the routes work with: built once per process by ``web.app``, found again from any request."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import cast
from uuid import UUID

from flask import current_app
from sqlalchemy.orm import Session

from domain.code_runs.languages import Language
from domain.content.blobs import BlobStore
from domain.content.questions import Question
from domain.content.servers import ContentServers
from domain.content.titles import Title
from domain.rate_limits.model import RateLimiter, Window
from domain.rides.cities import City
from domain.rides.model import Place
from domain.rides.ports import DriverIndex, EtaProvider, Etas
from domain.videos.manifests import Manifest
from domain.viewings.model import ViewingCache
from store.api_keys import ApiKey
from store.rides.transactions import RideTransactions
from web.content_sets import ContentSet
from web.metrics import Metrics
from web.surge_board import SurgeBoard
from web.ttl_cache import TtlCache
from web.version_cache import VersionCache
from web.waiting import Places, WaitHub

_EXTENSION = "yardmaster"


@dataclass(frozen=True, slots=True)
class Bounds:
    """What one request may take at most."""

    max_wait_s: int
    max_body_bytes: int
    max_batch_bytes: int


@dataclass(frozen=True, slots=True)
class Platform:
    """One process's tools.

    ``sessions`` makes sessions in which every statement commits by itself, ``transactions`` those that commit at the
    end of their block.
    ``cities`` and ``etas`` are by the city's name; ``drive_times`` by that and the stops of the way.
    """

    sessions: Callable[[], Session]
    transactions: Callable[[], AbstractContextManager[Session]]
    blobs: BlobStore
    manifests: TtlCache[tuple[UUID, str], Manifest]
    edge_secret: str | None
    ride_transactions: RideTransactions
    languages: Mapping[str, Language]
    cities: Mapping[str, City]
    etas: Mapping[str, EtaProvider]
    driver_index: DriverIndex
    surges: SurgeBoard
    ride_versions: VersionCache
    drive_times: TtlCache[tuple[str, tuple[Place, ...]], Etas]
    questions: ContentSet[Question]
    titles: ContentSet[Title]
    content_servers: ContentServers
    viewings: ViewingCache
    tiers: Mapping[str, tuple[Window, ...]]
    limiter: RateLimiter
    is_limiter_available: Callable[[], bool]
    keys: TtlCache[bytes, ApiKey]
    hub: WaitHub
    waiters: Places
    streams: Places
    metrics: Metrics
    bounds: Bounds

    def install(self, extensions: dict[str, object]) -> None:
        """Make this the platform of the application that ``extensions`` belongs to."""
        extensions[_EXTENSION] = self


def platform() -> Platform:
    """Return the platform of the request that is being served."""
    return cast("Platform", current_app.extensions[_EXTENSION])
