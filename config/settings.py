"""The only reader of the environment: one frozen ``Settings``, or a sentence naming the variable that is wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent


class SettingsError(Exception):
    """A variable is missing or malformed; the message names it."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything that a deployment may change. ``docs/settings.md`` lists the variables with their defaults."""

    database_url: str
    redis_url: str
    home: Path
    sandbox: str
    sandbox_reuse: str
    sandbox_pool_size: int
    sandbox_images_dir: Path
    docker_host: str | None
    compile_cache_bytes: int
    rate_limits: str
    log_level: str


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Read the settings from ``environ`` (default: the process's own).

    Raises:
        SettingsError: a variable is missing or wrong.
    """
    read = _Reader(os.environ if environ is None else environ)
    home = Path(read.text("YARDMASTER_HOME", str(Path.home() / ".yardmaster"))).expanduser()
    return Settings(
        database_url=read.text("DATABASE_URL"),
        redis_url=read.text("REDIS_URL"),
        home=home,
        sandbox=read.choice("SANDBOX", ("auto", "docker", "namespace")),
        sandbox_reuse=read.choice("SANDBOX_REUSE", ("clean", "never")),
        sandbox_pool_size=read.positive("SANDBOX_POOL_SIZE", 16),
        sandbox_images_dir=Path(read.text("SANDBOX_IMAGES_DIR", str(REPOSITORY / "sandbox_images"))),
        docker_host=read.text("DOCKER_HOST", "") or None,
        compile_cache_bytes=read.positive("COMPILE_CACHE_BYTES", 512 * 2**20),
        rate_limits=read.text("RATE_LIMITS", "free=1/1,5/60;pro=5/1,100/60"),
        log_level=read.choice("LOG_LEVEL", ("info", "debug", "warning", "error")),
    )


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environ.get(name, default)
        if value is None:
            raise SettingsError(f"{name} is not set")
        return value

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name, choices[0])
        if value not in choices:
            raise SettingsError(f"{name} must be one of {', '.join(choices)}, not {value!r}")
        return value

    def positive(self, name: str, default: int) -> int:
        raw = self.text(name, str(default))
        try:
            value = int(raw)
        except ValueError:
            value = 0
        if value <= 0:
            raise SettingsError(f"{name} must be a whole number above 0, not {raw!r}")
        return value
