"""The only reader of the environment: frozen settings, or a sentence naming the variable that is wrong.

``docs/settings.md`` lists every variable with its default; a test holds the two together.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from config.reader import Reader
from config.reader import SettingsError as SettingsError  # noqa: PLC0414 - callers find it here

REPOSITORY = Path(__file__).resolve().parent.parent


@dataclass(frozen=True, slots=True)
class Settings:
    """What the processes of a running platform are told.

    Where its servers are, how programs are kept apart, which cities are served, and where content is kept.
    """

    database_url: str
    redis_url: str
    home: Path
    sandbox: str
    sandbox_reuse: str
    sandbox_pool_size: int
    sandbox_images_dir: Path
    cities_dir: Path
    ride_matching: str
    osrm_url: str | None
    valhalla_url: str | None
    docker_host: str | None
    docker_cert_path: Path | None
    compile_cache_bytes: int
    blob_store_url: str
    blob_store_endpoint: str | None
    edge_secret: str | None
    rate_limits: str
    log_level: str


@dataclass(frozen=True, slots=True)
class ProcessSettings:
    """How the processes are started: their addresses and widths. ``flower_password`` has no default."""

    api_bind: str
    flower_address: str
    flower_port: int
    flower_user: str
    flower_password: str | None
    flower_url_prefix: str | None
    code_slots: int
    general_slots: int
    media_slots: int


@dataclass(frozen=True, slots=True)
class ApiSettings:
    """The widths and bounds of the HTTP API; per process where nothing else is said.

    A request that waits, and an event stream, keep a thread each, so the two bounds together stay below the threads.
    ``has_shared_metrics``: the processes add up their metrics in ``metrics_dir``. ``languages`` ``None``: all.
    """

    processes: int
    threads: int
    database_connections: int
    max_wait_s: int
    max_waiters: int
    max_streams: int
    max_body_bytes: int
    max_batch_bytes: int
    grace_s: int
    metrics_dir: Path
    has_shared_metrics: bool
    languages: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class StackSettings:
    """What ``yardmaster up`` and the commands beside it are told. ``None``: bring that server, or choose that port.

    ``languages``: those that it offers, and that ``yardmaster images build`` builds unless told others; none: all.
    ``rate_limits``: the tiers that ``yardmaster keys create`` knows.
    """

    home: Path
    sandbox: str
    sandbox_images_dir: Path
    docker_host: str | None
    database_url: str | None
    redis_url: str | None
    api_port: int | None
    flower_port: int | None
    languages: tuple[str, ...]
    rate_limits: str
    blob_store_url: str
    blob_store_endpoint: str | None
    edge_secret: str | None


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Which programs the embedded stack and the tests start as servers. ``None``: those of the installation."""

    postgres_bin_dir: Path | None
    redis_server_binary: Path | None


@dataclass(frozen=True, slots=True)
class PopSettings:
    """What a point of presence (POP) is told: ``yardmaster pop serve``, ``agent`` and ``config``.

    ``key``: who shows it, from one of ``control_networks``, may purge and probe. ``origin``: what it fetches from.
    ``folder``: its cache, or Varnish's working folder.
    """

    name: str
    key: str
    origin: str
    listen: str
    agent_port: int
    control_networks: tuple[str, ...]
    folder: Path
    capacity_bytes: int


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """Where the command line finds the API. ``None``: the stack that runs in ``home``."""

    home: Path
    url: str | None
    api_key: str | None


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environ`` (default: the process's own).

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    read = _Reader(os.environ if environ is None else environ)
    return Settings(
        database_url=read.database_url() or read.text("DATABASE_URL"),
        redis_url=read.redis_url() or read.text("REDIS_URL"),
        home=read.home(),
        sandbox=read.sandbox(),
        sandbox_reuse=read.choice("SANDBOX_REUSE", ("clean", "never")),
        sandbox_pool_size=read.positive("SANDBOX_POOL_SIZE", 16),
        sandbox_images_dir=read.sandbox_images_dir(),
        cities_dir=read.cities_dir(),
        ride_matching=read.choice("RIDE_MATCHING", ("optimal", "greedy")),
        osrm_url=read.address("OSRM_URL"),
        valhalla_url=read.address("VALHALLA_URL"),
        docker_host=read.optional("DOCKER_HOST"),
        docker_cert_path=read.docker_cert_path(),
        compile_cache_bytes=read.positive("COMPILE_CACHE_BYTES", 512 * 2**20),
        blob_store_url=read.blob_store_url(),
        blob_store_endpoint=read.address("BLOB_STORE_ENDPOINT"),
        edge_secret=read.secret("EDGE_SECRET"),
        rate_limits=read.rate_limits(),
        log_level=read.choice("LOG_LEVEL", ("info", "debug", "warning", "error")),
    )


def load_process(environ: Mapping[str, str] | None = None) -> ProcessSettings:
    """Read how this process is started.

    Raises:
        SettingsError: a variable is wrong.
    """
    read = _Reader(os.environ if environ is None else environ)
    return ProcessSettings(
        api_bind=read.text("API_BIND", "127.0.0.1:8000"),
        flower_address=read.text("FLOWER_ADDRESS", "127.0.0.1"),
        flower_port=read.port("FLOWER_PORT") or 5555,
        flower_user=read.text("FLOWER_USER", "yardmaster"),
        flower_password=read.optional("FLOWER_PASSWORD"),
        flower_url_prefix=read.optional("FLOWER_URL_PREFIX"),
        # A slot per processor: more only lengthen runs.
        code_slots=read.positive("CODE_SLOTS", max(2, os.cpu_count() or 1)),
        general_slots=read.positive("GENERAL_SLOTS", 4),
        media_slots=read.positive("MEDIA_SLOTS", 1),
    )


def load_api(environ: Mapping[str, str] | None = None) -> ApiSettings:
    """Read how wide the API is.

    Raises:
        SettingsError: a variable is wrong, or too few threads are left for short requests.
    """
    read = _Reader(os.environ if environ is None else environ)
    settings = ApiSettings(
        processes=read.positive("API_PROCESSES", 2),
        threads=read.positive("API_THREADS", 64),
        database_connections=read.positive("API_DATABASE_CONNECTIONS", 8),
        max_wait_s=read.positive("API_MAX_WAIT_S", 20),
        max_waiters=read.positive("API_MAX_WAITERS", 40),
        max_streams=read.positive("API_MAX_STREAMS", 16),
        max_body_bytes=read.positive("API_MAX_BODY_BYTES", 2**20),
        max_batch_bytes=read.positive("API_MAX_BATCH_BYTES", 8 * 2**20),
        grace_s=read.positive("API_GRACE_S", 30),
        metrics_dir=Path(read.text("PROMETHEUS_MULTIPROC_DIR", str(read.home() / "api-metrics"))),
        has_shared_metrics=read.optional("PROMETHEUS_MULTIPROC_DIR") is not None,
        languages=frozenset(read.words("API_LANGUAGES")) or None,
    )
    if settings.max_waiters + settings.max_streams >= settings.threads:
        raise SettingsError("API_THREADS must be above API_MAX_WAITERS and API_MAX_STREAMS together")
    return settings


def load_stack(environ: Mapping[str, str] | None = None) -> StackSettings:
    """Read what the embedded stack is told; everything has a default.

    Raises:
        SettingsError: a variable is wrong.
    """
    read = _Reader(os.environ if environ is None else environ)
    return StackSettings(
        home=read.home(),
        sandbox=read.sandbox(),
        sandbox_images_dir=read.sandbox_images_dir(),
        docker_host=read.optional("DOCKER_HOST"),
        database_url=read.database_url(),
        redis_url=read.redis_url(),
        api_port=read.port("API_PORT"),
        flower_port=read.port("FLOWER_PORT"),
        languages=read.words("API_LANGUAGES"),
        rate_limits=read.rate_limits(),
        blob_store_url=read.blob_store_url(),
        blob_store_endpoint=read.address("BLOB_STORE_ENDPOINT"),
        edge_secret=read.secret("EDGE_SECRET"),
    )


def load_servers(environ: Mapping[str, str] | None = None) -> ServerSettings:
    """Read which programs are started as PostgreSQL and Redis; everything has a default.

    Raises:
        SettingsError: a path leads nowhere.
    """
    read = _Reader(os.environ if environ is None else environ)
    return ServerSettings(
        postgres_bin_dir=read.existing("POSTGRES_BIN_DIR"),
        redis_server_binary=read.existing("REDIS_SERVER_BINARY"),
    )


def load_pop(environ: Mapping[str, str] | None = None) -> PopSettings:
    """Read how a point of presence is set up.

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    read = _Reader(os.environ if environ is None else environ)
    origin = read.address("POP_ORIGIN")
    if origin is None or urlsplit(origin).scheme != "http":
        raise SettingsError("POP_ORIGIN must be set, to an address like http://host:port; POPs speak no TLS to it")
    return PopSettings(
        name=read.matching("POP_NAME", r"[a-z0-9][a-z0-9-]{0,62}", "local"),
        key=read.matching("POP_KEY", r"[0-9A-Za-z_-]{16,128}"),
        origin=origin.rstrip("/"),
        listen=read.matching("POP_LISTEN", r"[0-9A-Za-z.-]+:[0-9]{1,5}", "127.0.0.1:8008"),
        agent_port=read.port("POP_AGENT_PORT") or 8009,
        control_networks=read.networks("POP_CONTROL_NETWORKS", "127.0.0.1/32"),
        folder=Path(read.text("POP_FOLDER", str(read.home() / "pop"))).absolute(),
        capacity_bytes=read.positive("POP_CAPACITY_BYTES", 256 * 2**20),
    )


def load_client(environ: Mapping[str, str] | None = None) -> ClientSettings:
    """Read where the API is and which key opens it; everything has a default."""
    read = _Reader(os.environ if environ is None else environ)
    return ClientSettings(
        home=read.home(),
        url=read.optional("YARDMASTER_URL"),
        api_key=read.optional("YARDMASTER_API_KEY"),
    )


def is_ci(environ: Mapping[str, str] | None = None) -> bool:
    """Tell whether the tests run in continuous integration, where nothing may be skipped."""
    read = _Reader(os.environ if environ is None else environ)
    return read.text("CI", "false") == "true"


def inherit(changes: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with ``changes``, for a child process."""
    return dict(os.environ) | dict(changes)


class _Reader(Reader):
    # What more than one of the functions above reads.

    def database_url(self) -> str | None:
        schemes = ("postgresql", "postgres")  # As libpq has them.
        return self.server("DATABASE_URL", schemes, "postgresql://user:password@host:5432/database")

    def redis_url(self) -> str | None:
        # Those that both the client and Celery's transport know.
        return self.server("REDIS_URL", ("redis", "rediss"), "redis://host:6379/0")

    def home(self) -> Path:
        return Path(self.text("YARDMASTER_HOME", str(Path.home() / ".yardmaster"))).expanduser().absolute()

    def sandbox(self) -> str:
        return self.choice("SANDBOX", ("auto", "docker", "namespace"))

    def sandbox_images_dir(self) -> Path:
        return self.folder("SANDBOX_IMAGES_DIR") or REPOSITORY / "sandbox_images"

    def rate_limits(self) -> str:
        return self.text("RATE_LIMITS", "free=1/1,5/60;pro=5/1,100/60")

    def blob_store_url(self) -> str:
        return self.text("BLOB_STORE_URL", (self.home() / "blobs").as_uri())

    def cities_dir(self) -> Path:
        return self.folder("CITIES_DIR") or REPOSITORY / "config" / "cities"

    def docker_cert_path(self) -> Path | None:
        # As the docker command reads them, which would look in the user's home; a service should not depend on that.
        if self.optional("DOCKER_TLS_VERIFY") is None:
            return None
        return self.folder("DOCKER_CERT_PATH") or Path(self.text("DOCKER_CERT_PATH"))
