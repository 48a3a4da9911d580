"""API keys that live for a time only."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner
from sqlalchemy import Engine
from sqlalchemy.orm import Session, sessionmaker

from cli.keys import keys, temporary_keys
from jobs import retention
from store import api_keys
from store.api_keys import NewApiKey
from store.db import sessions
from tests.apis import api

HOUR = timedelta(hours=1)


@pytest.fixture
def make(engine: Engine) -> sessionmaker[Session]:
    return sessions(engine)


@pytest.fixture
def command(database_url: str, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """``yardmaster keys`` on the test's database; returns what it prints."""
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setenv("RATE_LIMITS", "free=1/1")

    def run(*arguments: str) -> str:
        done = CliRunner().invoke(keys, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout.strip()

    return run


def test_an_expired_key_opens_nothing_and_others_stay(engine: Engine, make: sessionmaker[Session]) -> None:
    with make() as session:
        texts = [
            api_keys.create(session, NewApiKey(owner, "test", "free", expires_in=lifetime))[1]
            for owner, lifetime in (("for an hour", HOUR), ("for ever", None), ("over", HOUR))
        ]
        _let_expire(engine, "over", 0)

        found = [api_keys.find_valid(session, text) for text in texts]

    assert [key and key.owner for key in found] == ["for an hour", "for ever", None]


def test_a_key_that_expires_while_it_is_remembered_opens_nothing_from_then_on(
    database_url: str, redis_url: str, make: sessionmaker[Session]
) -> None:
    with make() as session:
        _, text = api_keys.create(session, NewApiKey("ada", "test", "free", expires_in=timedelta(seconds=3)))
    with api(database_url, redis_url) as built:
        client = built.app.test_client()
        client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
        assert client.get("/v1/languages").status_code == 200

        # A valid key is remembered for longer than this.
        deadline = time.monotonic() + 20
        while client.get("/v1/languages").status_code != 401:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_keys_are_listed_with_what_has_become_of_them(command: Callable[..., str], engine: Engine) -> None:
    for owner, arguments in {"ada": [], "bob": ["--expires-in", "7d"], "cy": ["--expires-in", "90s"]}.items():
        command("create", "--owner", owner, *arguments)
    _let_expire(engine, "cy", 0)

    lines = {line.split()[1]: line.split() for line in command("list").splitlines()}

    assert [lines[owner][5] for owner in ("ada", "bob", "cy")] == ["valid", "valid", "expired"]


def test_temporary_keys_expire_after_a_day_where_nobody_revokes_them(
    command: Callable[..., str], make: sessionmaker[Session]
) -> None:
    with temporary_keys(["ada"]), make() as session:
        [key] = api_keys.list_all(session)

    assert key.expires_at is not None
    assert key.expires_at - key.created_at == timedelta(days=1)


def test_keys_are_forgotten_a_month_after_they_expired(engine: Engine, make: sessionmaker[Session]) -> None:
    with make() as session:
        for owner, lifetime in (("old", HOUR), ("young", HOUR), ("for ever", None)):
            api_keys.create(session, NewApiKey(owner, "test", "free", expires_in=lifetime))
        _let_expire(engine, "old", 31)
        _let_expire(engine, "young", 29)

        retention.prune(engine)

        assert [key.owner for key in api_keys.list_all(session)] == ["young", "for ever"]


def _let_expire(engine: Engine, owner: str, days: int) -> None:
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "UPDATE api_keys SET expires_at = now() - make_interval(days => %s) WHERE owner = %s", (days, owner)
        )
