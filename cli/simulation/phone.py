"""One person's way to the HTTP API, as an app on a phone has it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

import requests

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
    """The API under ``url``, which many phones call over a few connections: one per thread."""

    def __init__(self, url: str, tally: Tally) -> None:
        self._url = url.rstrip("/")
        self._tally = tally
        self._thread = threading.local()

    def phone(self, api_key: str) -> Phone:
        """Return the phone of whose key it is."""
        return _HttpPhone(self, api_key)

    def ask(self, api_key: str, call: Call) -> Answer:
        """Make a call with a key."""
        began_s = time.monotonic()
        headers = {"Authorization": f"Bearer {api_key}", **call.headers}
        content = None if call.body is None else json.dumps(call.body).encode()
        if content is not None:
            headers["Content-Type"] = "application/json"
        try:
            response = self._session().request(
                call.method, self._url + call.path, data=content, headers=headers, timeout=TIMEOUT_S,
                allow_redirects=False,
            )  # fmt: skip
        except requests.RequestException as error:
            self._tally.note_error(f"no answer: {type(error).__name__}", is_failure=True)
            return Answer(NO_ANSWER)
        self._tally.note_call(call.name, time.monotonic() - began_s)
        return self._read(call, response)

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._thread, "session", None)
        if session is None:
            session = self._thread.session = requests.Session()
            # The API's own address: a proxy for the outer world does not lead there, nor does ~/.netrc know keys.
            session.trust_env = False
        return session

    def _read(self, call: Call, response: requests.Response) -> Answer:
        wait = response.headers.get("Retry-After", "")
        answer = Answer(
            response.status_code,
            _object(response.content),
            response.headers.get("ETag"),
            float(wait) if wait.isdecimal() else None,
        )
        if answer.status >= 400:
            label = f"{answer.status} {answer.code or response.reason} ({call.name})"
            self._tally.note_error(label, is_failure=answer.status >= 500)
        return answer


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
