"""The HTTP API for tests: in this process, or served by gunicorn in its own."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import requests
from flask.testing import FlaskClient
from sqlalchemy import Engine
from uuid_utils.compat import uuid4

from cli.stack.servers import free_port
from config.settings import REPOSITORY, Settings, inherit, load, load_api
from store import api_keys
from store.db import create_engine, db, sessions
from store.jobs import transitions
from web.app import create_app

HELLO = {"language": "python", "source": "print(1)"}
WORKER = uuid4()
EDGE_SECRET = "of the edges of the tests"


class Api:
    """An application on a database of its own, and what a test does beside it: make keys, be the worker."""

    def __init__(self, app, engine: Engine) -> None:
        self.app = app
        self.sessions = sessions(engine)

    def client(self, owner: str = "alice", tier: str = "unlimited", *, is_admin: bool = False) -> FlaskClient:
        client = self.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {self.key(owner, tier, is_admin=is_admin)}"
        return client

    def key(self, owner: str, tier: str = "unlimited", *, is_admin: bool = False) -> str:
        return make_key(self.sessions, owner, tier, is_admin=is_admin)

    def claim(self, job_id: str):
        return claim(self.sessions, job_id)

    def succeed(self, job_id: str) -> None:
        succeed(self.sessions, job_id)

    def fail(self, job_id: str) -> None:
        holder = self.claim(job_id)
        with self.sessions() as session:
            assert transitions.fail(session, holder, {"message": "it broke"})


def make_key(make_session, owner: str, tier: str = "unlimited", *, is_admin: bool = False) -> str:
    with make_session() as session:
        return api_keys.create(session, api_keys.NewApiKey(owner, "test", tier, is_admin))[1]


def claim(make_session, job_id: str) -> transitions.Holder:
    with make_session() as session:
        job = transitions.claim(session, UUID(job_id), WORKER, 60)
    assert job is not None
    return transitions.Holder(job.id, job.epoch, WORKER, job.parent_id)


def succeed(make_session, job_id: str) -> None:
    holder = claim(make_session, job_id)
    with make_session() as session:
        assert transitions.succeed(session, holder, {"verdict": "accepted"})


@contextlib.contextmanager
def api(database_url: str, redis_url: str, home: Path | None = None, **changes: object) -> Iterator[Api]:
    """Build the application in this process; ``changes`` are fields of ``ApiSettings``.

    Without a ``home`` it has one of its own, in which nothing was published.
    """
    with tempfile.TemporaryDirectory() as folder:
        environment = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "YARDMASTER_HOME": str(home or folder),
                       "EDGE_SECRET": EDGE_SECRET}  # fmt: skip
        with _built(load(environment), database_url, **changes) as built:
            yield built


@contextlib.contextmanager
def _built(settings: Settings, database_url: str, **changes: object) -> Iterator[Api]:
    app = create_app(settings, replace(load_api({}), **changes))
    engine = create_engine(database_url, 2, "test")
    try:
        yield Api(app, engine)
    finally:
        app.extensions["listener"].stop()
        app.extensions["content"].stop()
        engine.dispose()
        with app.app_context():
            db.engine.dispose()


class Server:
    """gunicorn, serving the application as in production."""

    def __init__(self, folder: Path, environment: Mapping[str, str]) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        self._log = (folder / "gunicorn.log").open("wb")
        command = [sys.executable, "-m", "gunicorn", "--config", "python:config.gunicorn", "web.app:create_app()"]
        self.process = subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=inherit({"YARDMASTER_HOME": str(folder), "API_BIND": self.url[7:], **environment}),
            stdout=self._log,
            stderr=subprocess.STDOUT,
        )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and self.process.poll() is None:
            with contextlib.suppress(requests.ConnectionError):
                requests.get(f"{self.url}/healthz", timeout=10)
                return
            time.sleep(0.05)
        raise AssertionError(Path(self._log.name).read_text())

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(60)
        self._log.close()


@contextlib.contextmanager
def served(folder: Path, database_url: str, redis_url: str, **environment: str) -> Iterator[Server]:
    """Serve the application on a free port until the block ends."""
    server = Server(folder, {"DATABASE_URL": database_url, "REDIS_URL": redis_url, **environment})
    try:
        yield server
    finally:
        server.stop()
