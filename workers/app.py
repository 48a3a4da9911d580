"""The composition root of the worker processes, and of the dispatcher beside them.

``celery --app workers.app:app`` finds the Celery app here. A worker builds what its queues need when Celery has set
it up, and begins to beat when it is ready to consume. On SIGTERM it drains while Celery's warm shutdown waits for the
threads: running jobs finish within the grace, or go back to the queue uncounted.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from uuid import UUID

from celery import Celery, signals
from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from adapters.box_pool import PoolOptions
from adapters.compile_cache import FileCompileCache
from adapters.docker_sandbox.engine import DockerOptions, NoEngineError
from adapters.docker_sandbox.sandbox import DockerSandbox
from adapters.image_builder import ImageBuildError, ImageSource, built_versions
from adapters.language_folder import find_version, language_names, load_languages, read_definition
from adapters.namespace_sandbox import NamespaceSandbox
from config import logging as config_logging
from config.celery import MAINTENANCE_TICK, QUIET_LOGGERS, celery_settings
from config.celery.events import PacedEvents
from config.settings import Settings, load
from domain.code_runs.languages import Language
from domain.code_runs.sandbox import Sandbox, SandboxError
from jobs import maintenance
from jobs.dispatcher import Dispatcher
from jobs.heartbeat import BEAT_S, Heartbeat
from jobs.kinds import KINDS, Kind
from jobs.lifecycle import Lifecycle
from jobs.model import Handler, TransientJobError
from jobs.queue import IMPATIENT, Conveyor
from jobs.sweeper import PATIENCE_S, SWEEP_EVERY_S, Sweeper
from store.db import create_engine
from store.workers import WorkerRecord
from workers.life_signs import DISPATCHER, show_life
from workers.tasks.canaries import sing
from workers.tasks.code_runs import CodeRunner

SPARE_CONNECTIONS = 3
EXIT_CANNOT_WORK = 70  # EX_SOFTWARE of sysexits.h

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Pace:
    """How often the processes look after jobs, and how long they wait before they act; all in seconds.

    ``beat_s`` and ``sweep_every_s`` are periods. A message that nobody claimed for ``patience_s`` counts as lost.
    Running jobs may go on for ``grace_s`` after SIGTERM, and the thread of one that was released then may take
    ``stuck_s`` to stop before the process ends without it.
    """

    beat_s: float = BEAT_S
    sweep_every_s: float = SWEEP_EVERY_S
    patience_s: float = PATIENCE_S
    grace_s: float = 25.0
    stuck_s: float = 10.0


@dataclass(frozen=True, slots=True)
class Trade:
    """What the processes work on: the kinds of jobs, handlers beside the platform's own, and the pace."""

    kinds: Mapping[str, Kind] = field(default_factory=lambda: KINDS)
    handlers: Mapping[str, Handler] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)


def __getattr__(name: str) -> Celery:
    """Build ``app`` when somebody asks for it, so that importing this module does nothing."""
    if name == "app":
        return create_app()
    raise AttributeError(name)


def create_app(settings: Settings | None = None, trade: Trade | None = None) -> Celery:
    """Build the Celery app: a task per kind of job, and the maintenance tick."""
    settings = settings or load()
    trade = trade or Trade()
    app = Celery("yardmaster", set_as_current=False)
    app.conf.update(celery_settings(settings.redis_url, tuple(trade.kinds)))
    app.steps["consumer"].add(PacedEvents)
    worker = Worker(settings, trade)
    for kind in trade.kinds:
        app.task(name=kind)(_task(worker, kind))
    app.task(name=MAINTENANCE_TICK)(_tick_task(worker))
    worker.connect()
    return app


class Worker:
    """One worker process: what it is made of, and how it begins and ends."""

    def __init__(self, settings: Settings, trade: Trade) -> None:
        self._settings = settings
        self._trade = trade
        self._engine: Engine | None = None
        self._heartbeat: Heartbeat | None = None
        self._lifecycle: Lifecycle | None = None
        self._starters: list[Callable[[], object]] = []
        self._closers: list[Callable[[], None]] = []
        self._ended = threading.Event()

    def connect(self) -> None:
        """Follow Celery's signals."""
        signals.setup_logging.connect(self._on_logging, weak=False)
        signals.celeryd_after_setup.connect(self._on_setup, weak=False)
        signals.worker_ready.connect(self._on_ready, weak=False)
        signals.worker_shutting_down.connect(self._on_shutting_down, weak=False)
        signals.worker_shutdown.connect(self._on_shutdown, weak=False)

    def run(self, kind: str, job_id: str) -> None:
        """Take one job through its life."""
        assert self._lifecycle is not None
        self._lifecycle.run(kind, UUID(job_id))

    def tick(self) -> None:
        """Submit what is due and forget what is old; as often and as many at once as anybody likes."""
        assert self._engine is not None
        maintenance.tick(self._engine)

    def build(self, queues: Sequence[str], slots: int) -> None:
        """Build what a worker for ``queues`` needs; it does nothing yet."""
        self._engine = create_engine(self._settings.database_url, slots + SPARE_CONNECTIONS, "yardmaster-worker")
        self._closers.append(self._engine.dispose)
        served = tuple(queue for queue in queues if queue in self._trade.kinds)
        record = WorkerRecord(uuid7(), f"{socket.gethostname()}:{os.getpid()}", served, slots)
        self._heartbeat = Heartbeat(self._engine, record, self._trade.pace.beat_s)
        self._lifecycle = Lifecycle(self._engine, self._heartbeat, self._handlers(served), self._trade.kinds)

    def _handlers(self, kinds: Sequence[str]) -> dict[str, Handler]:
        makers: dict[str, Callable[[], Handler]] = {
            "canaries": lambda: sing,
            "code_runs": self._code_runner,
            "ride_matches": self._ride_matcher,
            "content_sets": self._set_checker,
            "cache_refreshes": self._cache_refresher,
            "videos": self._video_worker,
        }
        given = self._trade.handlers
        made = {kind: make() for kind, make in makers.items() if kind in kinds and kind not in given}
        return made | {kind: run for kind, run in given.items() if kind in kinds}

    def _set_checker(self) -> Handler:
        # Code workers, dispatchers and commands do without the blob store's library.
        from adapters.blob_store import create_blob_store  # noqa: PLC0415
        from workers.tasks.content_sets import SetChecker  # noqa: PLC0415

        return SetChecker(create_blob_store(self._settings.blob_store_url, self._settings.blob_store_endpoint))

    def _video_worker(self) -> Handler:
        from workers.video_encoding import create_video_worker  # noqa: PLC0415 - Its libraries are no other's need.

        assert self._engine is not None
        return create_video_worker(self._settings, self._engine)

    def _cache_refresher(self) -> Handler:
        # Likewise: other workers do without the blob store's library.
        from workers.edge import create_refresher  # noqa: PLC0415

        assert self._engine is not None
        return create_refresher(self._settings, self._engine)

    def _ride_matcher(self) -> Handler:
        # Its libraries take sixty megabytes and half a second, of each code worker, dispatcher and command, too.
        from workers.ride_matching import create_matcher  # noqa: PLC0415

        assert self._engine is not None
        matcher, close = create_matcher(self._settings, self._engine)
        self._closers.append(close)
        self._starters.append(matcher.heal)
        return matcher

    def _code_runner(self) -> CodeRunner:
        settings = self._settings
        languages, sandbox = start_sandbox(settings)
        self._closers.append(sandbox.close)
        log.info("programs run in a %s", type(sandbox).__name__, extra={"languages": sorted(languages)})
        cache = FileCompileCache(settings.home / "compile-cache", settings.compile_cache_bytes)
        return CodeRunner(languages, sandbox, cache)

    def _on_logging(self, **_: object) -> None:
        config_logging.configure(self._settings.log_level)
        for name in QUIET_LOGGERS:
            logging.getLogger(name).setLevel(logging.WARNING)

    def _on_setup(self, instance: object, **_: object) -> None:
        queues: Sequence[str] = list(instance.app.amqp.queues.consume_from)  # type: ignore[attr-defined]
        try:
            self.build(queues, int(instance.concurrency))  # type: ignore[attr-defined]
        finally:
            if self._lifecycle is None:
                # Celery only logs what a signal's receiver raises, and would consume all the same.
                log.critical("this worker cannot work", exc_info=sys.exc_info())
                raise SystemExit(EXIT_CANNOT_WORK)

    def _on_ready(self, **_: object) -> None:
        assert self._heartbeat is not None
        self._heartbeat.start()
        for start in self._starters:
            threading.Thread(target=_begin, args=(start,), name="begin", daemon=True).start()

    def _on_shutting_down(self, **_: object) -> None:
        # Celery calls this in its signal handler, so the waiting is another thread's.
        threading.Thread(target=self._drain, name="drain", daemon=True).start()

    def _drain(self) -> None:
        if self._lifecycle is not None:
            self._lifecycle.drain(self._trade.pace.grace_s)
        if not self._ended.wait(self._trade.pace.stuck_s):
            log.error("a job did not stop; its row is released, so the process ends without it")
            logging.shutdown()
            os._exit(0)

    def _on_shutdown(self, **_: object) -> None:
        self._ended.set()
        if self._heartbeat is not None:
            self._heartbeat.stop()
        for close in reversed(self._closers):
            close()


def start_sandbox(settings: Settings, starts: SandboxStarts | None = None) -> tuple[Mapping[str, Language], Sandbox]:
    """Start the sandbox that the settings ask for and prove that it isolates; return what it can run, too.

    Namespaces are weaker, so nobody gets them unasked but on a machine without an engine: one that was named and is
    away, has no image, or does not isolate is a fault to mend, and not a reason to run programs behind less.

    Raises:
        SandboxError: it cannot be had, or does not isolate.
    """
    starts = starts or SandboxStarts()
    if settings.sandbox == "namespace":
        return starts.namespaces(settings)
    try:
        return starts.docker(settings)
    except NoEngineError as error:
        if settings.sandbox == "docker" or settings.docker_host is not None:
            raise
        log.warning("no Docker sandbox: %s", error)
    return starts.namespaces(settings)


def start_docker(settings: Settings) -> tuple[Mapping[str, Language], Sandbox]:
    """Start the sandbox on the engine that the settings name.

    Raises:
        NoEngineError: nobody answers there.
        SandboxError: the engine has no image of a language, or its containers do not do.
    """
    folder = settings.sandbox_images_dir
    sandbox = DockerSandbox(
        DockerOptions(folder, settings.docker_host, cert_folder=settings.docker_cert_path), _pool_options(settings)
    )
    try:
        sandbox.ping()
        languages = load_languages(folder, _built_versions(settings))
        sandbox.start(list(languages.values()))
    except SandboxError:
        sandbox.close()
        raise
    return languages, sandbox


def _built_versions(settings: Settings) -> Mapping[str, str]:
    try:
        versions = built_versions(ImageSource(settings.sandbox_images_dir, settings.docker_host))
    except ImageBuildError as error:
        raise SandboxError(str(error)) from error
    if not versions:
        raise SandboxError("the engine has no image of a language; run: yardmaster images build")
    return versions


def start_namespaces(settings: Settings) -> tuple[Mapping[str, Language], Sandbox]:
    """Start the sandbox of this machine's namespaces.

    Raises:
        SandboxError: they do not isolate.
    """
    folder = settings.sandbox_images_dir
    sandbox = NamespaceSandbox(folder, _pool_options(settings))
    try:
        sandbox.start()
        commands = {
            name: read_definition(folder, name, is_host=True).version_command for name in language_names(folder)
        }
        printed = sandbox.languages_found(commands)
    except SandboxError:
        sandbox.close()
        raise
    versions = {name: version for name, text in printed.items() if (version := find_version(text))}
    return load_languages(folder, versions, is_host=True), sandbox


SandboxStart = Callable[[Settings], tuple[Mapping[str, Language], Sandbox]]


@dataclass(frozen=True, slots=True)
class SandboxStarts:
    """How each kind of sandbox is started."""

    docker: SandboxStart = start_docker
    namespaces: SandboxStart = start_namespaces


def _pool_options(settings: Settings) -> PoolOptions:
    return PoolOptions(size=settings.sandbox_pool_size, is_reused=settings.sandbox_reuse == "clean")


def _begin(start: Callable[[], object]) -> None:
    try:
        start()
    except (TransientJobError, DBAPIError) as error:
        # It is done again by the clock.
        log.warning("what a worker does at its start failed: %s", error)


def _task(worker: Worker, kind: str) -> Callable[[str], None]:
    def run(job_id: str) -> None:
        worker.run(kind, job_id)

    return run


def _tick_task(worker: Worker) -> Callable[[], None]:
    # Not the bound method itself: Celery takes its first argument for one that the message lacks.
    def tick() -> None:
        worker.tick()

    return tick


def run_dispatcher(settings: Settings | None = None, trade: Trade | None = None) -> None:
    """Run the dispatcher, the sweeper and the clock until SIGTERM or SIGINT; any number of processes may."""
    settings = settings or load()
    trade = trade or Trade()
    config_logging.configure(settings.log_level)
    app = Celery("yardmaster", set_as_current=False)
    app.conf.update(celery_settings(settings.redis_url, tuple(trade.kinds)))
    # What a crash of the database undoes of this is seen again as due, and done again.
    engine = create_engine(settings.database_url, SPARE_CONNECTIONS, "yardmaster-dispatcher", is_durable=False)
    dispatcher = Dispatcher(engine, Conveyor(app), trade.kinds, partial(show_life, settings.home / DISPATCHER))
    # What the sweeper ends is told, so it must not come back to life.
    durable = create_engine(settings.database_url, 1, "yardmaster-sweeper")
    sweeper = Sweeper(durable, Conveyor(app, IMPATIENT), trade.pace.patience_s)
    clock = maintenance.Clock(engine)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: dispatcher.stop())
    parts = (partial(sweeper.run, trade.pace.sweep_every_s), clock.run)
    threads = [threading.Thread(target=_run_part, args=(part, dispatcher)) for part in parts]
    for thread in threads:
        thread.start()
    try:
        dispatcher.run()
    finally:
        sweeper.stop()
        clock.stop()
        for thread in threads:
            thread.join()
        engine.dispose()
        durable.dispose()


def _run_part(run: Callable[[], None], dispatcher: Dispatcher) -> None:
    # The parts live and die together: whoever keeps the process sees that it ended, and starts it again whole.
    try:
        run()
    finally:
        dispatcher.stop()
