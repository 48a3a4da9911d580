"""Clients that post code runs with care: a key per request, and the same request again when in doubt."""

from __future__ import annotations

import itertools
import random
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

import requests

from tests.faults.ledger import Ledger, Promise

REQUEST_TIMEOUT_S = 10.0
GIVE_UP_S = 90.0
"""How long a client tries to get one request accepted; the platform must be back before."""


@dataclass(frozen=True, slots=True)
class Api:
    """Where the API processes answer, and the key that opens them."""

    addresses: tuple[str, ...]
    key: str


class HttpLoad:
    """``clients`` threads that post ``count`` tiny Python programs altogether, each printing a number of its own.

    They post as fast as they are answered, or ``per_second`` altogether. A program sleeps for ``run_s`` first.
    """

    def __init__(
        self, api: Api, ledger: Ledger, count: int, *, clients: int, per_second: float | None, run_s: float
    ) -> None:
        self._api = api
        self._ledger = ledger
        self._numbers: Iterator[int] = iter(range(count))
        self._pause_s = clients / per_second if per_second else 0.0
        self._run_s = run_s
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._run, daemon=True) for _ in range(clients)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Submit no more, and wait for the requests that are under way."""
        with self._lock:
            self._numbers = iter(())
        for thread in self._threads:
            thread.join()

    def is_alive(self) -> bool:
        return any(thread.is_alive() for thread in self._threads)

    def _run(self) -> None:
        with requests.Session() as session:
            session.headers["Authorization"] = f"Bearer {self._api.key}"
            while (number := self._next()) is not None:
                self._post_until_accepted(session, number)
                time.sleep(self._pause_s)

    def _next(self) -> int | None:
        with self._lock:
            return next(self._numbers, None)

    def _post_until_accepted(self, session: requests.Session, number: int) -> None:
        source = f"import time\ntime.sleep({self._run_s})\nprint({number})\n" if self._run_s else f"print({number})\n"
        body = {"language": "python", "source": source}
        key = str(uuid4())
        deadline = time.monotonic() + GIVE_UP_S
        for address in itertools.cycle(random.sample(self._api.addresses, len(self._api.addresses))):
            answer = _post(session, f"{address}/v1/code-runs", body, key)
            if answer is not None and answer.status_code in (200, 202):
                job_id = UUID(answer.json()["id"])
                self._ledger.accept(job_id, Promise("code_runs", stdout=f"{number}\n"))
                return
            if not self._may_try_again(answer):
                return
            if time.monotonic() > deadline:
                self._ledger.violate(f"code run {number} was not accepted within {GIVE_UP_S} s: {_show(answer)}")
                return

    def _may_try_again(self, answer: requests.Response | None) -> bool:
        if answer is None:
            self._ledger.count_retry()
            time.sleep(0.05)
            return True
        if answer.status_code in (429, 503) and "Retry-After" in answer.headers:
            self._ledger.count_busy_answer()
            # A fraction of what was asked for: impatient clients are the harder load.
            time.sleep(min(0.2, float(answer.headers["Retry-After"])))
            return True
        self._ledger.violate(f"POST was answered {_show(answer)}")
        return False


def _post(session: requests.Session, url: str, body: object, key: str) -> requests.Response | None:
    try:
        return session.post(url, json=body, headers={"Idempotency-Key": key}, timeout=REQUEST_TIMEOUT_S)
    except (requests.ConnectionError, requests.Timeout, requests.exceptions.ChunkedEncodingError):
        return None  # Whether it was accepted is not known; the key makes it safe to ask again.


def _show(answer: requests.Response | None) -> str:
    return "no answer" if answer is None else f"{answer.status_code} {dict(answer.headers)} {answer.text[:300]}"


def watch_jobs(api: Api, job_ids: Sequence[UUID]) -> list[str]:
    """Ask for every job once, and return a sentence for each answer that is not 200."""
    broken = []
    with requests.Session() as session:
        session.headers["Authorization"] = f"Bearer {api.key}"
        for number, job_id in enumerate(job_ids):
            address = api.addresses[number % len(api.addresses)]
            answer = session.get(f"{address}/v1/jobs/{job_id}", timeout=REQUEST_TIMEOUT_S)
            if answer.status_code != 200:
                broken.append(f"GET of an accepted job was answered {_show(answer)}")
    return broken
