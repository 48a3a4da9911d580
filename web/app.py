"""The composition root of the API process: builds the tools, puts the routes together, hands gunicorn the result."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from apiflask import APIFlask
from flask import Response, g, request

from adapters.blob_store import create_blob_store
from adapters.city_folder import CityFileError, load_cities
from adapters.content_servers import RedisContentServers
from adapters.driver_index import RedisDriverIndex, create_index_client
from adapters.eta import create_etas
from adapters.language_folder import LanguageFileError, load_languages
from adapters.rate_limiter import TIMEOUT_S, RedisRateLimiter
from adapters.redis_client import create_redis_client
from adapters.viewing_cache import RedisViewingCache
from config import logging as logs
from config import settings as config
from config.settings import ApiSettings, Settings, SettingsError
from domain.code_runs.languages import Language
from domain.content import questions as question_set
from domain.content import titles as title_set
from domain.content.blobs import BlobStore
from domain.rate_limits.model import TiersError, Window, parse_tiers
from domain.rides.cities import City
from jobs.model import FINAL_STATES
from store import api_keys, content
from store.db import db, driver_url, engine_options, sessions, transactions
from store.jobs import channels
from store.notifications import NotificationListener
from store.rides import channels as ride_channels
from store.rides.transactions import RideTransactions
from web import guards, log_fields, openapi, request_ids
from web.content_sets import ContentSet, SetKeeper
from web.content_views import answers_of_questions, answers_of_titles
from web.converters import PlainText
from web.errors import register_errors
from web.metrics import Metrics
from web.offer_waits import driver_key
from web.pages import docs
from web.platform import Bounds, Platform, platform
from web.routes import (
    cache_refreshes,
    cities,
    code_runs,
    content_sets,
    drivers,
    estimates,
    health,
    jobs,
    languages,
    offers,
    placements,
    playback,
    pops,
    questions,
    queues,
    rides,
    titles,
    video_objects,
    videos,
    viewings,
)
from web.strict_json import StrictRequest
from web.surge_board import SurgeBoard
from web.ttl_cache import TtlCache
from web.version_cache import VersionCache
from web.waiting import Places, WaitHub

MAX_KEYS = 10_000
"""So many API keys are remembered."""
MAX_DRIVE_TIMES = 20_000
"""So many times of ways are."""

MAX_MANIFESTS = 32
"""So many manifests of videos are; that of a film is some hundred kilobytes."""

_LOG = logging.getLogger("web.requests")


def create_app(settings: Settings | None = None, api: ApiSettings | None = None) -> APIFlask:
    """Build the application; without arguments as a process of its own, which also logs as the settings say.

    Raises:
        SettingsError: a setting is missing or wrong.
    """
    if settings is None:
        settings = config.load()
        logs.configure(settings.log_level)
    api = api or config.load_api()
    app = _create_flask(settings, api)
    tools = _create_platform(app, settings, api)
    tools.install(app.extensions)
    keeper = SetKeeper((tools.questions, tools.titles), tools.content_servers, tools.metrics)
    keeper.start()
    app.extensions["content"] = keeper
    app.spec_processor(lambda spec: openapi.complete(cast("dict[str, object]", spec), tools.languages))
    _listen(app, settings, tools, keeper)
    return app


def check_settings(settings: Settings, api: ApiSettings) -> None:
    """Read everything that the settings of an API process name, and keep nothing of it.

    Raises:
        SettingsError: a setting names what is not there or cannot be read.
    """
    _read_cities(settings.cities_dir)
    _read_languages(settings.sandbox_images_dir, api.languages)
    _read_tiers(settings.rate_limits)
    _open_blob_store(settings)


def _read_tiers(text: str) -> Mapping[str, tuple[Window, ...]]:
    """Return the tiers that RATE_LIMITS describes.

    Raises:
        SettingsError: ``text`` is malformed.
    """
    try:
        return parse_tiers(text)
    except TiersError as error:
        raise SettingsError(f"RATE_LIMITS: {error}") from error


def _create_flask(settings: Settings, api: ApiSettings) -> APIFlask:
    app = APIFlask("web", title=openapi.TITLE, version=openapi.VERSION, docs_path=None, spec_path="/openapi.json")
    app.request_class = StrictRequest
    app.url_map.converters["default"] = PlainText
    app.description = openapi.DESCRIPTION
    app.config.update(
        SQLALCHEMY_DATABASE_URI=driver_url(settings.database_url),
        SQLALCHEMY_ENGINE_OPTIONS=engine_options(api.database_connections, "yardmaster-api"),
        MAX_CONTENT_LENGTH=api.max_body_bytes,
        OPENAPI_VERSION="3.1.0",
        AUTO_VALIDATION_ERROR_RESPONSE=False,
        AUTO_404_RESPONSE=False,
        AUTO_AUTH_ERROR_RESPONSE=False,
        AUTO_SERVERS=False,
        JSON_SPEC_MIMETYPE="application/json",
    )
    db.init_app(app)
    register_errors(app)
    app.before_request(request_ids.begin_request)
    app.before_request(log_fields.begin_request)
    app.before_request(_start_clock)
    about_content = (questions, titles, content_sets, videos, playback, video_objects, viewings)
    about_edge = (cache_refreshes, pops, placements)
    about_rides = (cities, rides, estimates, drivers, offers)
    for feature in (code_runs, *about_rides, *about_content, *about_edge, jobs, languages, queues, health, docs):
        app.register_blueprint(feature.blueprint)
    # Flask calls these last to first: the count comes after everything else.
    app.after_request(_count)
    app.after_request(request_ids.add_request_id)
    app.after_request(guards.add_rate_limit_headers)
    return app


def _create_platform(app: APIFlask, settings: Settings, api: ApiSettings) -> Platform:
    with app.app_context():
        engine = db.engine
    make_session = sessions(engine)
    metrics = Metrics(make_session, api.metrics_dir if api.has_shared_metrics else None)
    redis_client = create_redis_client(settings.redis_url, TIMEOUT_S)
    limiter = RedisRateLimiter(redis_client)
    cities = _read_cities(settings.cities_dir)
    driver_index = RedisDriverIndex(create_index_client(settings.redis_url))
    blobs = _open_blob_store(settings)
    return Platform(
        sessions=make_session,
        transactions=transactions(engine).begin,
        blobs=blobs,
        manifests=TtlCache(MAX_MANIFESTS),
        edge_secret=settings.edge_secret,
        ride_transactions=RideTransactions(engine, metrics.count_deadlock),
        cities=cities,
        etas=create_etas(cities, settings.osrm_url, settings.valhalla_url),
        driver_index=driver_index,
        surges=SurgeBoard(make_session, driver_index, cities),
        ride_versions=VersionCache(),
        drive_times=TtlCache(MAX_DRIVE_TIMES),
        questions=ContentSet(question_set.SET, blobs, question_set.parse_questions, answers_of_questions),
        titles=ContentSet(title_set.SET, blobs, title_set.parse_titles, answers_of_titles),
        content_servers=RedisContentServers(create_redis_client(settings.redis_url, TIMEOUT_S)),
        viewings=RedisViewingCache(create_redis_client(settings.redis_url, TIMEOUT_S)),
        languages=_read_languages(settings.sandbox_images_dir, api.languages),
        tiers=_read_tiers(settings.rate_limits),
        limiter=limiter,
        is_limiter_available=limiter.is_available,
        keys=TtlCache(MAX_KEYS),
        hub=WaitHub(lambda: _is_stopping(app)),
        waiters=Places(api.max_waiters),
        streams=Places(api.max_streams),
        metrics=metrics,
        bounds=Bounds(api.max_wait_s, api.max_body_bytes, api.max_batch_bytes),
    )


def _read_languages(folder: Path, offered: frozenset[str] | None) -> Mapping[str, Language]:
    try:
        languages = load_languages(folder)
    except LanguageFileError as error:
        raise SettingsError(f"SANDBOX_IMAGES_DIR: {error}") from error
    if unknown := (offered or frozenset()) - set(languages):
        raise SettingsError(f"API_LANGUAGES: there is no language {min(unknown)!r} in {folder}")
    return {name: language for name, language in languages.items() if offered is None or name in offered}


def _read_cities(folder: Path) -> Mapping[str, City]:
    try:
        return load_cities(folder)
    except CityFileError as error:
        raise SettingsError(f"CITIES_DIR: {error}") from error


def _open_blob_store(settings: Settings) -> BlobStore:
    try:
        return create_blob_store(settings.blob_store_url, settings.blob_store_endpoint)
    except (ValueError, OSError) as error:
        raise SettingsError(f"BLOB_STORE_URL: {error}") from error


def _is_stopping(app: APIFlask) -> bool:
    # gunicorn's configuration puts this in once the worker has begun; elsewhere nobody stops us by halves.
    return bool(app.extensions.get("is_stopping", bool)())


def _listen(app: APIFlask, settings: Settings, tools: Platform, keeper: SetKeeper) -> None:
    def on_notification(channel: str, payload: str) -> None:
        if channel == channels.CHANGED:
            if change := channels.parse_change(payload):
                tools.hub.wake(str(change.job_id), is_end=change.state in FINAL_STATES)
        elif channel == ride_channels.CHANGED:
            _tell_of_ride(tools, payload)
        elif channel == content.PUBLISHED:
            keeper.tell()
        else:
            tools.keys.forget_all()

    def on_gap() -> None:
        tools.keys.forget_all()
        tools.ride_versions.forget_all()
        tools.hub.wake_all()
        keeper.tell()

    listener = NotificationListener(
        settings.database_url,
        (channels.CHANGED, ride_channels.CHANGED, content.PUBLISHED, api_keys.REVOCATIONS_CHANNEL),
        on_notification,
        on_gap,
    )
    listener.start()
    app.extensions["listener"] = listener


def _tell_of_ride(tools: Platform, payload: str) -> None:
    if change := ride_channels.parse_change(payload):
        # Before anybody is woken, who would read what is no longer so.
        tools.ride_versions.hear(change.ride_id, change.version)
        tools.hub.wake(f"ride:{change.ride_id}")
        if change.driver_id is not None:
            tools.hub.wake(driver_key(change.driver_id))


def _start_clock() -> None:
    g.started_at = time.monotonic()


def _count(response: Response) -> Response:
    rule = request.url_rule.rule if request.url_rule else None
    seconds = time.monotonic() - cast("float", g.started_at)
    tools = platform()
    tools.metrics.count_request(request.method, rule, response.status_code, seconds)
    if "problem_code" in g:
        tools.metrics.count_problem(g.problem_code)
    _LOG.info(
        "%s %s %d", request.method, rule or "unmatched", response.status_code, extra={"seconds": round(seconds, 4)}
    )
    return response
