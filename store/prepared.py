"""Statements that each connection prepares once: planning the larger ones costs more than running them.

Prepared statements belong to a server's session, so a connection pooler between us and PostgreSQL must pool by
session (as LISTEN demands anyway).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping

from sqlalchemy import CursorResult
from sqlalchemy.orm import Session

_PARAMETER = re.compile(r"(?<!:):([a-z_]+)\b")
_PREPARED = "yardmaster_prepared"

# A parameter of a name has one type, whichever statement it stands in.
_TYPES = {
    "after": "bigint",
    "delay_s": "float8",
    "epoch": "bigint",
    "error": "jsonb",
    "fingerprint": "bytea",
    "held": "jsonb",
    "id": "uuid",
    "ids": "uuid[]",
    "job_id": "uuid",
    "key": "text",
    "last_owner": "text",
    "lease_s": "float8",
    "limit": "bigint",
    "max_crashes": "int",
    "max_doublings": "int",
    "max_jobs": "bigint",
    "owner": "text",
    "owners": "bigint",
    "patience_s": "float8",
    "progress": "jsonb",
    "queue": "text",
    "queues": "text[]",
    "result": "jsonb",
    "rows": "jsonb",
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

    def run(self, session: Session, parameters: Mapping[str, object]) -> CursorResult[tuple[object, ...]]:
        """Run the statement in ``session``; mappings and lists of mappings are passed as JSON."""
        connection = session.connection()
        prepared = connection.info.setdefault(_PREPARED, set())
        if self._name not in prepared:
            connection.exec_driver_sql(self._prepare())
            prepared.add(self._name)
        values = {name: _adapt(name, parameters[name]) for name in self.parameters}
        return connection.exec_driver_sql(self._execute, values)

    def _prepare(self) -> str:
        places = {name: f"${number}" for number, name in enumerate(self.parameters, 1)}
        body = _PARAMETER.sub(lambda found: places[found[1]], self.sql)
        types = ", ".join(_TYPES[name] for name in self.parameters)
        return f"PREPARE {self._name}{f' ({types})' if types else ''} AS {body}"


def _adapt(name: str, value: object) -> object:
    return json.dumps(value) if _TYPES[name] == "jsonb" and value is not None else value
