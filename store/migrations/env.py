"""Run migrations for both doors: Flask-Migrate's commands, and ``store.migrate`` in a process without Flask."""

from __future__ import annotations

from alembic import context
from sqlalchemy import Connection

from store.db import db
from store.tables import TABLES

# Two processes that start together migrate one after the other; the number only has to be the same in both.
MIGRATION_LOCK = 7_305_221_908


def _connection() -> Connection:
    given = context.config.attributes.get("connection")
    return given if isinstance(given, Connection) else db.engine.connect()


def _migrate() -> None:
    connection = _connection().execution_options(isolation_level="READ COMMITTED")
    context.configure(connection=connection, target_metadata=TABLES, compare_server_default=True)
    with context.begin_transaction():
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({MIGRATION_LOCK})")
        context.run_migrations()


_migrate()
