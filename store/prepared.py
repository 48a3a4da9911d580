"""Statements that each connection prepares once: planning the larger ones costs more than running them.

They are run on the driver's own cursor. What SQLAlchemy adds around a statement takes as long as the server does for
these, and the hottest of them are run several times for each job. Its sessions, its pool and its errors are kept; but
where a statement stands alone, a connection will do, as to begin and end a session takes four times as long.

Prepared statements belong to a server's session, so a connection pooler between us and PostgreSQL must pool by
session (as LISTEN demands anyway).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from contextlib import closing

import psycopg2
from psycopg2 import errorcodes
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.orm import Session

Executor = Session | Connection
"""What statements are run on."""

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)\b")
_PREPARED = "yardmaster_prepared"
_POOL = "yardmaster_pool"
_READ_ONLY = errorcodes.READ_ONLY_SQL_TRANSACTION

# A parameter of a name has one type, whichever statement it stands in.
_TYPES = {
    "after": "bigint",
    "city": "text",
    "delay_s": "float8",
    "distance_m": "int",
    "driver_id": "text",
    "driver_ids": "text[]",
    "epoch": "bigint",
    "error": "jsonb",
    "every_s": "float8",
    "fingerprint": "bytea",
    "gaps": "int",
    "held": "jsonb",
    "id": "uuid",
    "ids": "uuid[]",
    "job_id": "uuid",
    "key": "text",
    "last_fix": "jsonb",
    "last_owner": "text",
    "lease_id": "uuid",
    "lease_s": "float8",
    "limit": "bigint",
    "max_crashes": "int",
    "max_doublings": "int",
    "max_jobs": "bigint",
    "name": "text",
    "offer_id": "uuid",
    "operator": "text",
    "owner": "text",
    "owners": "bigint",
    "passenger_id": "text",
    "patience_s": "float8",
    "product": "text",
    "progress": "jsonb",
    "queue": "text",
    "queues": "text[]",
    "reason": "text",
    "result": "jsonb",
    "ride_id": "uuid",
    "ride_ids": "uuid[]",
    "row": "jsonb",
    "rows": "jsonb",
    "status": "text",
    "vehicle": "jsonb",
    "window_per_slot": "float8",
    "worker": "uuid",
}


class Prepared:
    """One statement with parameters ``:name``, whose names must be known to the table of types above."""

    def __init__(self, sql: str) -> None:
        self.sql = sql
        self.parameters = tuple(dict.fromkeys(_PARAMETER.findall(sql)))
        self._name = "ym_" + hashlib.sha256(sql.encode()).hexdigest()[:16]
        self._execute = f"EXECUTE {self._name}"
        if self.parameters:
            self._execute += f" ({', '.join(f'%({name})s' for name in self.parameters)})"

    def run(self, executor: Executor, parameters: Mapping[str, object]) -> Sequence[tuple[object, ...]]:
        """Run the statement and return its rows; mappings and lists of mappings are passed as JSON.

        Raises:
            DBAPIError: as SQLAlchemy raises it, ``OperationalError`` and all.
        """
        connection = executor if isinstance(executor, Connection) else executor.connection()
        values = {name: _adapt(name, parameters[name]) for name in self.parameters}
        try:
            with closing(connection.connection.cursor()) as cursor:
                prepared = connection.info.setdefault(_PREPARED, set())
                connection.info.setdefault(_POOL, connection.engine.pool)
                if self._name not in prepared:
                    cursor.execute(self._prepare())
                    prepared.add(self._name)
                cursor.execute(self._execute, values)
                return cursor.fetchall()
        except psycopg2.Error as error:
            raise self._translated(connection, error) from error

    def _translated(self, connection: Connection, error: psycopg2.Error) -> Exception:
        wire = connection.connection.dbapi_connection
        is_disconnect = connection.dialect.is_disconnect(error, wire, None)  # type: ignore[arg-type]  # A stub's slip.
        if is_disconnect:
            is_of_this_pool = connection.info.get(_POOL) is connection.engine.pool
            connection.invalidate(error)
            # The server went away from the idle connections of the pool, too; but only the first to notice renews it.
            if is_of_this_pool:
                connection.engine.dispose()
        if is_disconnect or error.pgcode == _READ_ONLY:
            # Whatever the server's last word was (a time-out of its own, a standby's refusal): it is away.
            return OperationalError(self._execute, None, error, connection_invalidated=is_disconnect)
        return DBAPIError.instance(self._execute, None, error, psycopg2.Error, dialect=connection.dialect)

    def _prepare(self) -> str:
        places = {name: f"${number}" for number, name in enumerate(self.parameters, 1)}
        body = _PARAMETER.sub(lambda found: places[found[1]], self.sql)
        types = ", ".join(_TYPES[name] for name in self.parameters)
        return f"PREPARE {self._name}{f' ({types})' if types else ''} AS {body}"


def _adapt(name: str, value: object) -> object:
    return json.dumps(value) if _TYPES[name] == "jsonb" and value is not None else value
