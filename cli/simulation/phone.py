"""One person's way to the HTTP API, as an app on a phone has it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, HTTPSConnection, RemoteDisconnected
from typing import Protocol
from urllib.parse import urlsplit

from cli.simulation.tally import Tally

TIMEOUT_S = 30.0
RETRY_PAUSES_S = (0.5, 1.0, 2.0, 4.0)
NO_ANSWER = 0


@dataclass(frozen=True, slots=True)
class Call:
    """One request; ``name`` is what its time is counted under."""

    name: str
    method: str
    path: str
    body: Mapping[str, object] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back; ``status`` is ``NO_ANSWER`` when nothing did, ``body`` empty when it was no JSON object."""

    status: int
    body: Mapping[str, object] = field(default_factory=dict)
    etag: str | None = None
    retry_after_s: float | None = None

    @property
    def is_ok(self) -> bool:
        """Tell whether the API did what it was asked for."""
        return 200 <= self.status < 300

    @property
    def code(self) -> str:
        """Return why it did not, in the API's words."""
        return str(self.body.get("code", ""))

    @property
    def is_for_now(self) -> bool:
        """Tell whether the same call makes sense in a moment."""
        return self.status in (NO_ANSWER, 429) or self.status >= 500


class Phone(Protocol):
    """Carries calls of one person."""

    def ask(self, call: Call) -> Answer:
        """Make a call; a refusal is an answer, and so is silence."""


def persist(phone: Phone, call: Call) -> Generator[float, None, Answer]:
    """Make a call again while the API is busy or silent; calls of this API may be repeated without harm."""
    for pause_s in RETRY_PAUSES_S:
        answer = phone.ask(call)
        if not answer.is_for_now:
            return answer
        yield answer.retry_after_s or pause_s
    return phone.ask(call)


class Exchange:
    """The API under ``url``, which many phones call over a few connections: one per thread.

    The plain client of the standard library, as a call through requests costs four times as much: hundreds of people
    share two processors with the platform that they measure.
    """

    def __init__(self, url: str, tally: Tally) -> None:
        self._url = urlsplit(url)
        self._tally = tally
        self._thread = threading.local()
        self._connections: list[HTTPConnection] = []

    def phone(self, api_key: str) -> Phone:
        """Return the phone of whose key it is."""
        return _HttpPhone(self, api_key)

    def ask(self, api_key: str, call: Call) -> Answer:
        """Make a call with a key."""
        began_s = time.monotonic()
        headers = {"Authorization": f"Bearer {api_key}", "Accept": "application/json", **call.headers}
        content = None if call.body is None else json.dumps(call.body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            answer = self._exchange(call, content, headers)
        except (OSError, HTTPException) as error:
            self._tally.note_error(f"no answer: {type(error).__name__} ({call.name})", is_failure=True)
            return Answer(NO_ANSWER)
        self._tally.note_call(call.name, time.monotonic() - began_s)
        if answer.status >= 400:
            label = f"{answer.status} {answer.code} ({call.name})"
            self._tally.note_error(label, is_failure=answer.status >= 500)
        return answer

    def close(self) -> None:
        """Close the connections; nobody may be calling any more."""
        for connection in self._connections:
            connection.close()

    def _exchange(self, call: Call, content: bytes | None, headers: Mapping[str, str]) -> Answer:
        connection = self._connection()
        is_used = connection.sock is not None
        try:
            return self._once(connection, call, content, headers)
        except (BrokenPipeError, ConnectionResetError, RemoteDisconnected):
            # The API may close a connection that was idle at the moment at which it is used again.
            if not is_used:
                raise
            return self._once(connection, call, content, headers)

    def _once(
        self, connection: HTTPConnection, call: Call, content: bytes | None, headers: Mapping[str, str]
    ) -> Answer:
        try:
            connection.request(call.method, self._url.path.rstrip("/") + call.path, content, headers)
            response = connection.getresponse()
            body = response.read()
        except (OSError, HTTPException):
            connection.close()  # What is half done is not gone on with; the next call connects anew.
            raise
        wait = response.getheader("Retry-After", "")
        return Answer(
            response.status, _object(body), response.getheader("ETag"), float(wait) if wait.isdecimal() else None
        )

    def _connection(self) -> HTTPConnection:
        connection: HTTPConnection | None = getattr(self._thread, "connection", None)
        if connection is None:
            kind = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
            connection = self._thread.connection = kind(self._url.netloc, timeout=TIMEOUT_S)
            self._connections.append(connection)
        return connection


@dataclass(frozen=True, slots=True)
class _HttpPhone:
    exchange: Exchange
    api_key: str

    def ask(self, call: Call) -> Answer:
        return self.exchange.ask(self.api_key, call)


def _object(content: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(content) if content else {}
    except ValueError:
        return {}  # A proxy's page, for instance.
    return value if isinstance(value, dict) else {}
