"""Drive times from a router's table service, within a budget, or else from the default.

Drives are cut into tables of at most ``MAX_LOCATIONS`` places, which is what OSRM takes unless told otherwise, and
50 by 50 of which is what Valhalla takes. The calls run side by side in threads of their own, because no time-out of
HTTP is one for the whole answer: whoever asked waits for 300 ms and goes on, whatever the router does.

It is all or nothing: one late, broken or nonsensical answer, and everything comes from the fallback, which says so in
``Etas.source``. Times half from one and half from the other would prefer whichever is the optimist. After three
failures in a row the router is left alone for five seconds. A refusal (HTTP 400: a place that no road leads to, say)
is an answer and no failure.
"""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
import requests
from numpy.typing import NDArray
from requests.adapters import HTTPAdapter

from adapters.circuit import Circuit
from domain.rides.model import Place
from domain.rides.ports import EtaProvider, Etas

BUDGET_S = 0.3
MAX_FAILURES = 3
CIRCUIT_OPEN_S = 5.0

MAX_LOCATIONS = 100
# More would not be answered in time anyway, so a large tick does not even try.
MAX_CALLS = 16
# All cities of a process share these.
THREADS = 8
# A table of 50 by 50 has a tenth of that.
MAX_ANSWER_BYTES = 2_000_000

_log = logging.getLogger(__name__)

Seconds: TypeAlias = NDArray[np.float64]


class RouterError(Exception):
    """The router did not answer, not in time, or not what was asked."""


class RouterRefusedError(Exception):
    """The router answered that it cannot tell."""


class RouterApi(Protocol):
    """What one router's table service is asked and how it answers."""

    source: str

    def request(self, origins: Sequence[Place], destinations: Sequence[Place]) -> requests.Request:
        """Return the call for the whole table."""

    def rows(self, answer: object) -> object:
        """Return the rows of seconds (``None``: no way) of a parsed answer; what is not there raises."""


@dataclass(frozen=True, slots=True)
class _Question:
    """One call and what it is for: ``answer[rows, columns]`` are the times of the pairs in ``taken``."""

    origins: Sequence[Place]
    destinations: Sequence[Place]
    taken: list[int]
    rows: list[int]
    columns: list[int]


class RouterEta:
    """An ``EtaProvider`` that asks ``router``, of all cities, and falls back to ``fallback``, of one."""

    def __init__(self, router: Router, fallback: EtaProvider) -> None:
        self._router = router
        self._fallback = fallback

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        """Return the seconds of each ``origins[i]`` to ``destinations[i]``."""
        etas = self._router.pairs(origins, destinations)
        return self._fallback.pairs(origins, destinations) if etas is None else etas


class Router:
    """A router behind ``api``; a process needs one, which is safe for many threads."""

    def __init__(self, api: RouterApi, circuit: Circuit | None = None, budget_s: float = BUDGET_S) -> None:
        self._api = api
        self._budget_s = budget_s
        self._circuit = circuit or Circuit(MAX_FAILURES, CIRCUIT_OPEN_S)
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix=api.source)
        self._session = requests.Session()
        # The router is a neighbour: no proxy of the environment's, no .netrc.
        self._session.trust_env = False
        self._session.mount("http://", HTTPAdapter(pool_maxsize=THREADS))
        self._session.mount("https://", HTTPAdapter(pool_maxsize=THREADS))

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas | None:
        """Return the seconds of each ``origins[i]`` to ``destinations[i]``; ``None``: it did not say, or not in time.

        Pairs that share a destination share their calls.
        """
        # The number of drives alone may leave no hope; for millions of them that must cost nothing.
        if not 0 < len(origins) <= MAX_CALLS * (MAX_LOCATIONS // 2) ** 2:
            return None
        questions = _groups(origins, destinations)
        if len(questions) > MAX_CALLS or not self._circuit.may_try():
            return None
        seconds = np.empty(len(origins))
        try:
            for question, answer in zip(questions, self._ask_all(questions), strict=True):
                seconds[question.taken] = answer[question.rows, question.columns]
        except RouterRefusedError as error:
            self._circuit.succeed()
            _log.info("%s refused: %s", self._api.source, error)
            return None
        except RouterError as error:
            self._circuit.fail()
            _log.warning("%s failed: %s", self._api.source, error)
            return None
        self._circuit.succeed()
        return Etas(seconds, self._api.source)

    def close(self) -> None:
        """Wait for nothing and close all connections."""
        self._threads.shutdown(wait=False, cancel_futures=True)
        self._session.close()

    def _ask_all(self, questions: Sequence[_Question]) -> list[Seconds]:
        deadline = time.monotonic() + self._budget_s
        futures = [self._threads.submit(self._ask, question, deadline) for question in questions]
        done, pending = wait(futures, timeout=self._budget_s, return_when=FIRST_EXCEPTION)
        for future in pending:
            future.cancel()
        for future in done:
            future.result()
        if pending:
            raise RouterError(f"no answer within {self._budget_s} s")
        return [future.result() for future in futures]

    def _ask(self, question: _Question, deadline: float) -> Seconds:
        try:
            request = self._session.prepare_request(self._api.request(question.origins, question.destinations))
            left_s = max(0.001, deadline - time.monotonic())
            with self._session.send(request, timeout=left_s, stream=True, allow_redirects=False) as response:
                status, body = response.status_code, _read(response, deadline)
        except requests.RequestException as error:
            raise RouterError(str(error)) from error
        if status == requests.codes.bad_request:
            raise RouterRefusedError(body[:200].decode(errors="replace"))
        if status != requests.codes.ok:
            raise RouterError(f"HTTP status {status}")
        try:
            rows = self._api.rows(json.loads(body))
        except (ValueError, TypeError, LookupError) as error:
            raise RouterError(f"not a table: {body[:200]!r}") from error
        return _checked(rows, (len(question.origins), len(question.destinations)))


def _groups(origins: Sequence[Place], destinations: Sequence[Place]) -> list[_Question]:
    """Cut pairs into tables that have few destinations, because drivers share the passenger they might drive to."""
    by_destination: dict[Place, list[int]] = {}
    for row, destination in enumerate(destinations):
        by_destination.setdefault(destination, []).append(row)
    questions: list[_Question] = []
    places: set[tuple[str, Place]] = set()
    taken: list[int] = []
    for row in (row for rows in by_destination.values() for row in rows):
        ends = {("from", origins[row]), ("to", destinations[row])}
        if len(places | ends) > MAX_LOCATIONS:
            questions.append(_group(origins, destinations, taken))
            places, taken = set(), []
        places |= ends
        taken.append(row)
    questions.append(_group(origins, destinations, taken))
    return questions


def _group(origins: Sequence[Place], destinations: Sequence[Place], taken: list[int]) -> _Question:
    starts = {place: row for row, place in enumerate(dict.fromkeys(origins[row] for row in taken))}
    ends = {place: column for column, place in enumerate(dict.fromkeys(destinations[row] for row in taken))}
    rows, columns = [starts[origins[row]] for row in taken], [ends[destinations[row]] for row in taken]
    return _Question(list(starts), list(ends), taken, rows, columns)


def _read(response: requests.Response, deadline: float) -> bytes:
    body = bytearray()
    for piece in response.iter_content(65_536):
        body += piece
        # A router that drips keeps within every time-out of a socket, and would keep a thread for ever.
        if len(body) > MAX_ANSWER_BYTES or time.monotonic() > deadline:
            raise RouterError("the answer is too long, or too long in coming")
    return bytes(body)


def _checked(rows: object, shape: tuple[int, int]) -> Seconds:
    if not (isinstance(rows, list) and all(isinstance(row, list) for row in rows)):
        raise RouterError("the table is not a list of lists")
    cells = [cell for row in rows for cell in row]
    if [len(row) for row in rows] != [shape[1]] * shape[0]:
        raise RouterError(f"the table is not {shape[0]} by {shape[1]}")
    if not all(cell is None or (type(cell) in (int, float) and 0 <= cell < np.inf) for cell in cells):
        raise RouterError("the table has what is no time")
    return np.array([np.inf if cell is None else cell for cell in cells], dtype=float).reshape(shape)
