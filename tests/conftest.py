"""What every test gets: one PostgreSQL and one Valkey per session, a database of its own for each test."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest
import redis
from sqlalchemy import Engine

from cli.stack.servers import PostgresServer, ValkeyServer
from store.db import create_engine
from store.migrate import migrate

pytest_plugins = ["tests.skips", "tests.edge_world"]

TEMPLATE = "migrated"
_numbers = itertools.count()


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    # A crash of the server is no crash of the machine, so what is written survives without waiting for the disk.
    server = PostgresServer(_folder(tmp_path_factory, "postgres"), options={"fsync": "off"})
    server.start()
    try:
        _execute(server, f"CREATE DATABASE {TEMPLATE}")
        engine = create_engine(server.url(TEMPLATE), 1, "template")
        migrate(engine)
        engine.dispose()
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(_folder(tmp_path_factory, "valkey"))
    server.start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture
def database_url(postgres: PostgresServer) -> Iterator[str]:
    """The address of a fresh, migrated database."""
    name = f"test_{next(_numbers)}"
    _execute(postgres, f"CREATE DATABASE {name} TEMPLATE {TEMPLATE}")
    yield postgres.url(name)
    _execute(postgres, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@pytest.fixture
def engine(database_url: str) -> Iterator[Engine]:
    """An autocommit engine on a fresh database."""
    built = create_engine(database_url, 10, "test")
    yield built
    built.dispose()


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    """The address of an empty Valkey; tests that use it run one after another."""
    url = valkey.url()
    with redis.Redis.from_url(url) as client:
        client.flushall()
    return url


def _folder(factory: pytest.TempPathFactory, name: str) -> Path:
    return factory.mktemp(name)


def _execute(server: PostgresServer, statement: str) -> None:
    connection = psycopg2.connect(server.url())
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()
