"""A transaction meets a server that went away as any statement does, and a job's effects survive that."""

from __future__ import annotations

from contextlib import closing

import psycopg2
import pytest
from sqlalchemy import Engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from jobs.model import JobContext, Outcome
from store.db import create_engine, sessions, transactions
from store.jobs import reads
from tests.integration.jobs_world import World, running_lifecycle


def end_all_connections(engine: Engine) -> None:
    """End what is in the pool, by a connection that is not."""
    url = engine.url.set(drivername="postgresql").render_as_string(hide_password=False)
    with closing(psycopg2.connect(url)) as outside:
        outside.cursor().execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_the_first_statement_fails_as_any_other_and_the_next_transaction_begins_anew(engine: Engine) -> None:
    world = World(engine)
    job = world.submit()
    make = transactions(engine)
    with make.begin() as session:
        reads.get_job(session, job.id)
    end_all_connections(engine)

    with pytest.raises(OperationalError), make.begin() as session:
        reads.get_job(session, job.id)

    with make.begin() as session:
        assert reads.get_job(session, job.id) == job


def test_transactions_and_statements_that_commit_by_themselves_share_a_connection(database_url: str) -> None:
    engine = create_engine(database_url, 1, "test")
    alone, together = sessions(engine), transactions(engine)
    with alone() as session:
        session.execute(text("CREATE TABLE notes (note text)"))

    for _ in range(2):
        with together() as session:
            session.execute(text("INSERT INTO notes VALUES ('undone')"))
            session.rollback()
        with together() as session:
            session.execute(text("INSERT INTO notes VALUES ('undone, too')"))
        with together.begin() as session:
            session.execute(text("INSERT INTO notes VALUES ('kept')"))
        with alone() as session:
            session.execute(text("INSERT INTO notes VALUES ('kept, too')"))

    with alone() as session:
        assert sorted(session.execute(text("SELECT note FROM notes")).scalars()) == ["kept"] * 2 + ["kept, too"] * 2
    engine.dispose()


def test_effects_happen_once_when_the_server_went_away_during_the_work(engine: Engine) -> None:
    world = World(engine)
    jobs = [world.submit(payload={"ends_connections": number == 1}) for number in range(2)]

    def write_effect(session: Session) -> None:
        session.execute(text("INSERT INTO queues (name) SELECT 'effect ' || count(*) FROM queues"))

    def work(payload: dict[str, object], _context: JobContext) -> Outcome:
        if payload["ends_connections"]:
            end_all_connections(engine)
        return Outcome({}, (write_effect,))

    with running_lifecycle(world, work, beat_s=60) as lifecycle:
        for job in jobs:
            lifecycle.run("canaries", job.id)

    assert world.count("SELECT count(*) FROM queues") == 2
    assert [(world.state(job.id), world.get(job.id).attempt) for job in jobs] == [("succeeded", 1)] * 2
