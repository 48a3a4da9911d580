"""``yardmaster db`` and the commands' way to the database."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from sqlalchemy import Engine
from sqlalchemy.exc import OperationalError

from cli.stack.home import Home
from config.settings import StackSettings, load_stack
from store.db import create_engine
from store.migrate import migrate


@click.group("db")
def db() -> None:
    """Look after the database."""


@db.command("upgrade")
def upgrade() -> None:
    """Bring the tables up to date; safe to repeat, and to run by several at once."""
    with open_database() as engine:
        migrate(engine)
    click.echo("The tables are up to date.")


@db.command("url")
def show_url() -> None:
    """Print the URL of the database, with its password: for psql, pg_dump and their like."""
    click.echo(_find_url(load_stack()))


@contextmanager
def open_database() -> Iterator[Engine]:
    """Open the database that ``DATABASE_URL`` names, else that of the stack running in the home.

    Raises:
        click.ClickException: neither is there, or it does not answer.
    """
    settings = load_stack()
    engine = create_engine(_find_url(settings), pool_size=1, application_name="yardmaster cli")
    try:
        yield engine
    except OperationalError as error:
        raise click.ClickException(describe_silence(error, settings)) from error
    finally:
        engine.dispose()


def describe_silence(error: OperationalError, settings: StackSettings) -> str:
    """Say in one line that the database does not answer and why, and which setting names it; without its password."""
    database = "the database of DATABASE_URL" if settings.database_url else "the database"
    return f"{database} does not answer: {' '.join(str(error.orig).split())}"


def _find_url(settings: StackSettings) -> str:
    running = Home(settings.home).running()
    url = settings.database_url or (running.database_url if running else None)
    if url is None:
        raise click.ClickException(f"no stack is running in {settings.home}; start one, or set DATABASE_URL")
    return url
