"""The platform as a whole for fault tests: real servers, and every process a child that can be struck by name."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from pathlib import Path

import redis
import requests
from sqlalchemy import Engine

from cli.stack.servers import HOST, PostgresServer, ValkeyServer, free_port
from config.settings import REPOSITORY, inherit
from store import api_keys
from store.api_keys import NewApiKey
from store.db import create_engine, sessions
from store.migrate import migrate
from tests.faults.child_process import ChildProcess
from tests.faults.effects import EFFECTS_KIND, OWNER, make_table
from tests.faults.http_load import Api

READY_TIMEOUT_S = 60.0
TIER = "faults"
QUEUES = {
    "effects": ((EFFECTS_KIND, "canaries", "maintenance"), 8),
    "code": (("code_runs",), 4),
    "rides": (("ride_matches", "maintenance"), 4),
}
"""What a worker's role serves, and with how many threads."""


class Platform:
    """Two of everything that may exist twice; ``start`` makes the servers and no process yet."""

    def __init__(self, folder: Path, *, is_quick: bool) -> None:
        self.folder = folder
        self.postgres = PostgresServer(folder / "postgres", is_tethered=True)
        self.valkey = ValkeyServer(folder / "valkey", is_tethered=True)
        self.children: dict[str, ChildProcess] = {}
        self._is_quick = is_quick
        self._key = ""
        self._addresses: dict[str, str] = {}
        self._env: dict[str, str] = {}

    def start(self) -> None:
        self.postgres.start()
        self.valkey.start()
        self.engine: Engine = create_engine(self.postgres.url(), pool_size=12, application_name="fault-tests")
        migrate(self.engine)
        make_table(self.engine)
        with sessions(self.engine)() as session:
            _, self._key = api_keys.create(session, NewApiKey(owner=OWNER, name="load", tier=TIER))
        self._env = {
            "DATABASE_URL": self.postgres.url(),
            "REDIS_URL": self.valkey.url(),
            "RATE_LIMITS": f"{TIER}=100000/1",
            "PYTHONPATH": str(REPOSITORY),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def end(self) -> None:
        for child in self.children.values():
            child.end()
        self.engine.dispose()
        self.valkey.stop()
        self.postgres.stop()

    def run(self, *names: str, **settings: str) -> None:
        """Start the processes ``names`` (``api-1``, ``dispatcher-2``, ``effects-1``, ``code-1``, ``beat-3`` ...)."""
        for name in names:
            self._child(name, settings).start()
        for name in names:
            self._wait_until_ready(name)

    def muster(self, *names: str) -> None:
        """Have exactly the processes ``names`` running: start those that are missing, end all others."""
        for name in [name for name in self.children if name not in names]:
            self.end_child(name)
            self._addresses.pop(name, None)
        self.run(*[name for name in names if name not in self.children or not self[name].is_running])

    def end_child(self, name: str) -> None:
        self.children.pop(name).end()

    def revive(self) -> None:
        """Start the processes that ended, as a service manager does; they are not waited for."""
        for child in self.children.values():
            if not child.is_running:
                child.start()

    def names(self, role: str) -> list[str]:
        """Return the running processes of a role, in their order."""
        return sorted(
            name for name, child in self.children.items() if name.startswith(f"{role}-") and child.is_running
        )

    def __getitem__(self, name: str) -> ChildProcess:
        return self.children[name]

    @property
    def api(self) -> Api:
        return Api(tuple(self._addresses.values()), self._key)

    def redis(self) -> redis.Redis:
        """Return a client for the broker's database; close it after use."""
        return redis.Redis.from_url(self.valkey.url(), socket_timeout=5)

    def tails(self) -> str:
        """Return the ends of all logs."""
        return "\n\n".join(child.describe() for child in self.children.values())

    def _child(self, name: str, settings: dict[str, str]) -> ChildProcess:
        if name not in self.children:
            role = name.partition("-")[0]
            home = self.folder / "homes" / name
            home.mkdir(parents=True, exist_ok=True)
            env = self._env | {"YARDMASTER_HOME": str(home)} | self._env_of(name, role) | settings
            self.children[name] = ChildProcess(name, self._argv(name, role), inherit(env), self.folder)
        return self.children[name]

    def _env_of(self, name: str, role: str) -> dict[str, str]:
        if role != "api":
            return {}
        port = free_port()
        self._addresses[name] = f"http://{HOST}:{port}"
        return {"API_BIND": f"{HOST}:{port}", "API_PROCESSES": "1"}

    def _argv(self, name: str, role: str) -> list[str]:
        if role in ("api", "beat"):
            return [sys.executable, "-m", "cli", role]
        if role == "dispatcher":
            return [
                sys.executable,
                "-m",
                "tests.faults.dispatcher_process",
                *([] if self._is_quick else ["unhurried"]),
            ]
        app = "app" if self._is_quick else "unhurried_app"
        queues, slots = QUEUES[role]
        return [sys.executable, "-m", "celery", "--quiet", "--app", f"tests.faults.worker_app:{app}", "worker",
                "--pool", "threads", "--concurrency", str(slots), "--queues", ",".join(queues),
                "--hostname", f"{name}@%h", "--without-gossip", "--without-mingle", "--loglevel", "info"]  # fmt: skip

    def _wait_until_ready(self, name: str) -> None:
        role = name.partition("-")[0]
        if role == "api":
            wait_for(lambda: _answers(self._addresses[name]), f"{name} to answer", self[name])
        if role in QUEUES:
            # A worker is ready when Celery says so; its registration in the database alone comes a little earlier.
            wait_for(lambda: self[name].log.exists() and self._count_ready(name), f"{name} to consume", self[name])

    def _count_ready(self, name: str) -> bool:
        return self[name].log.read_text(errors="replace").count(" ready.") >= self[name].lives


def _answers(address: str) -> bool:
    try:
        return requests.get(f"{address}/healthz", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def wait_for(
    condition: Callable[[], bool], what: str, child: ChildProcess | None = None, timeout_s: float = READY_TIMEOUT_S
) -> float:
    """Wait until ``condition`` holds and return how many seconds that took."""
    began = time.monotonic()
    while not condition():
        waited = time.monotonic() - began
        has_ended = child is not None and not child.is_running
        assert not has_ended, f"waited for {what}, but it ended\n{child and child.describe()}"
        assert waited < timeout_s, f"waited {waited:.0f} s for {what}\n{child.describe() if child else ''}"
        time.sleep(0.05)
    return time.monotonic() - began
