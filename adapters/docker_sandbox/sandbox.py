"""``DockerSandbox``: the pool, the engine and the reaper put together."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager

from adapters.box import Box, BoxSession
from adapters.box_pool import BoxPool, PoolCounters, PoolOptions
from adapters.docker_sandbox.engine import DockerOptions, Engine
from adapters.docker_sandbox.options import PROBES_COMMAND, BoxSize
from adapters.docker_sandbox.reaper import Reaper, owner_name
from adapters.sandbox_self_test import what_gets_through
from domain.code_runs.languages import Language
from domain.code_runs.sandbox import SandboxError

_log = logging.getLogger(__name__)

_TEND_S = 1.0
_REAP_S = 60.0


class DockerSandbox:
    """``domain.code_runs.sandbox.Sandbox`` on a Docker engine. ``start`` it once before the first session."""

    def __init__(self, options: DockerOptions, pool: PoolOptions) -> None:
        owner = owner_name()
        self._engine = Engine(options, owner)
        self._maker = _Maker(self._engine)
        self._pool = BoxPool(self._maker, pool)
        self._reaper = Reaper(self._engine)
        self._stop = threading.Event()
        self._keeper = threading.Thread(target=self._keep, name="sandbox-keep", daemon=True)

    def start(self, languages: Sequence[Language]) -> None:
        """Remove what dead workers left, prove that a container isolates, and start making one for each language.

        What the proof looks at is the engine, the kernel and the options, which are the same for every image, so one
        image is enough.

        Raises:
            SandboxError: the engine is away, or a probe did what it must not; the message names it.
        """
        self._engine.ping()
        self._reaper.reap()
        if languages:
            with self._pool.session(languages[0]) as session:
                allowed = what_gets_through(session, PROBES_COMMAND)
            if allowed:
                raise SandboxError(f"containers do not isolate here: they allow {', '.join(allowed)}")
        self._pool.warm(languages)
        self._keeper.start()

    def ping(self) -> None:
        """Raise ``NoEngineError`` when no engine is there, and ``SandboxError`` when it has something to say."""
        self._engine.ping()

    def session(self, language: Language) -> AbstractContextManager[BoxSession]:
        """Take a clean container for ``language``."""
        return self._pool.session(language)

    def counters(self) -> PoolCounters:
        """Return what the pool did so far."""
        return self._pool.counters()

    def close(self) -> None:
        """Kill and remove every container that this process made; idempotent."""
        self._stop.set()
        if self._keeper.is_alive():
            self._keeper.join()
        self._pool.close()
        self._engine.close()

    def _keep(self) -> None:
        """Look after the idle boxes every second and after leaked ones every minute."""
        waited_s = 0.0
        while not self._stop.wait(_TEND_S):
            self._pool.tend()
            waited_s += _TEND_S
            if waited_s >= _REAP_S:
                waited_s = 0.0
                try:
                    self._reaper.reap()
                except SandboxError as error:
                    _log.warning("leaked containers could not be looked for: %s", error)


class _Maker:
    """Makes containers that are as large as the largest limits of the languages of their image."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._sizes: dict[str, BoxSize] = {}

    def key(self, language: Language) -> str:
        bounds = (language.max_limits, language.compile_limits)
        size = BoxSize(
            memory_bytes=max(limits.memory_bytes for limits in bounds),
            processes=max(limits.processes for limits in bounds),
        )
        self._sizes[language.image] = size
        return language.image

    def make(self, key: str) -> Box:
        return self._engine.make(key, self._sizes[key])
