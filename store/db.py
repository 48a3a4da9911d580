"""The database: the declarative base, Flask's ``db``, and engines for processes that have no Flask."""

from __future__ import annotations

import os
import weakref
from typing import cast

import psycopg2.extensions
from flask_sqlalchemy import SQLAlchemy
from psycopg2 import extras
from sqlalchemy import URL, Connection, Engine, MetaData, event, make_url
from sqlalchemy import create_engine as sqlalchemy_create_engine
from sqlalchemy.orm import DeclarativeBase, Session, SessionTransaction, sessionmaker

CONNECT_TIMEOUT_S = 5
# An unplugged peer is noticed after this long, where plain TCP would wait for a quarter of an hour.
TCP_USER_TIMEOUT_MS = 15_000
POOL_TIMEOUT_S = 5
# The server lets go of the rows of a process that was frozen in the middle of a transaction, and of those of a
# machine that vanished; its own defaults are never, and two hours.
LET_GO = (
    "-c idle_in_transaction_session_timeout=60s"
    " -c tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3"
)
# What our statements are written for, whatever the server's defaults are.
SESSION = "-c timezone=UTC -c default_transaction_isolation=read\\ committed"
# Plans are kept, so they must not depend on how full a table was when they were made, nor on limits that are unknown
# then. Every statement touches few rows and has its index, so loops over indexes are right at any size, and scans or
# hashes of a whole table never are. Compiling plans pays for reports only.
PLANS = " ".join(
    f"-c {setting}"
    for setting in (
        "plan_cache_mode=force_generic_plan",
        "enable_seqscan=off",
        "enable_bitmapscan=off",
        "enable_hashjoin=off",
        "enable_mergejoin=off",
        "jit=off",
    )
)
NAMING_CONVENTION = {
    "ix": "%(table_name)s_%(column_0_N_name)s_idx",
    "uq": "%(table_name)s_%(column_0_N_name)s_key",
    "ck": "%(table_name)s_%(constraint_name)s_check",
    "fk": "%(table_name)s_%(column_0_name)s_fkey",
    "pk": "%(table_name)s_pkey",
}


class Base(DeclarativeBase):
    """The parent of every model; constraint names are fixed so that migrations can name them."""

    metadata = MetaData(naming_convention=NAMING_CONVENTION)


db = SQLAlchemy(model_class=Base)


def driver_url(url: str) -> URL:
    """Return ``url`` with the driver named, so that a change of SQLAlchemy's default changes nothing here."""
    return make_url(url).set(drivername="postgresql+psycopg2")


def engine_options(pool_size: int, application_name: str, *, is_durable: bool = True) -> dict[str, object]:
    """Return the arguments for an engine (also Flask's ``SQLALCHEMY_ENGINE_OPTIONS``).

    Connections are in autocommit mode: most transitions are one statement, and a transaction around it would cost
    two more round trips. ``transactions`` is for what needs several. Without ``is_durable`` a commit does not wait
    for the disk, and a crash of the server may undo the last fraction of a second: for what is done again then.
    """
    extras.register_uuid()  # type: ignore[no-untyped-call]  # The stubs leave this one out.
    return {
        "pool_size": pool_size,
        "max_overflow": 0,
        "pool_timeout": POOL_TIMEOUT_S,
        "isolation_level": "AUTOCOMMIT",
        "connect_args": {
            "connect_timeout": CONNECT_TIMEOUT_S,
            "tcp_user_timeout": TCP_USER_TIMEOUT_MS,
            "application_name": application_name,
            "options": f"{SESSION} {PLANS} {LET_GO}{'' if is_durable else ' -c synchronous_commit=off'}",
        },
    }


def create_engine(url: str, pool_size: int, application_name: str, *, is_durable: bool = True) -> Engine:
    """Build an engine in autocommit mode; it connects at its first use.

    A child forked from this process starts with no connection of its parent's.
    """
    engine = sqlalchemy_create_engine(
        driver_url(url), **engine_options(pool_size, application_name, is_durable=is_durable)
    )
    dispose = weakref.WeakMethod(engine.dispose)

    def forget_parents_connections() -> None:
        if method := dispose():
            method(close=False)

    os.register_at_fork(after_in_child=forget_parents_connections)
    return engine


def sessions(engine: Engine) -> sessionmaker[Session]:
    """Build sessions in which every statement commits by itself."""
    return sessionmaker(engine, expire_on_commit=False, autoflush=False)


def transactions(engine: Engine) -> sessionmaker[Session]:
    """Build sessions with real transactions, used as ``with make.begin() as session``."""
    if not event.contains(engine, "checkin", _leave_transactions):
        event.listen(engine, "checkin", _leave_transactions)
    make = sessionmaker(engine, expire_on_commit=False)
    event.listen(make, "after_begin", _enter_transactions)
    return make


# SQLAlchemy's own way from autocommit to transactions and back names an isolation level, and the driver then has the
# server told its default first: a round trip for each transaction. To switch the driver alone costs none.
def _enter_transactions(_session: Session, _transaction: SessionTransaction, connection: Connection) -> None:
    wire = cast("psycopg2.extensions.connection", connection.connection.dbapi_connection)
    if wire.autocommit:
        wire.autocommit = False


def _leave_transactions(wire: psycopg2.extensions.connection | None, _record: object) -> None:
    if wire is not None and not wire.closed:
        wire.autocommit = True
