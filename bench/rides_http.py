"""Rides over HTTP on the whole stack: a poll that finds nothing new, and accepts by eight drivers at once."""

from __future__ import annotations

import http.client
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial

from sqlalchemy import text

from bench.figures import Figure, percentile
from bench.stack import RunningStack, running_stack
from store import api_keys
from store.api_keys import NewApiKey
from store.db import create_engine, transactions

PEOPLE = 8
ROUNDS = 25
POLLS = 400
POLL_ROUNDS = 5
CENTRE = (49.9456, 11.5713)
PROFILE = {
    "name": "Ada",
    "vehicle": {"make": "Volvo", "model": "240", "plate": "B-YM 1", "colour": "red"},
    "product": "economy",
    "city": "demo",
}
_TO_MATCH_S = 30.0


def measure() -> Sequence[Figure]:
    """Start a stack with eight passengers and eight drivers and measure all figures."""
    with running_stack() as stack:
        keys = _keys(stack)
        passengers = [Phone(stack, keys[f"passenger-{number}"]) for number in range(PEOPLE)]
        drivers = [Phone(stack, keys[f"driver-{number}"]) for number in range(PEOPLE)]
        for driver in drivers:
            driver.ask("PUT", "/v1/drivers/me", PROFILE)
            driver.ask("PUT", "/v1/drivers/me/status", {"status": "available"})
        polls = _polls(passengers, drivers)
        return [*polls, _accepts(passengers, drivers), _deadlocks(stack)]


class Phone:
    """One kept connection of one person."""

    def __init__(self, stack: RunningStack, key: str) -> None:
        self._connection = http.client.HTTPConnection(stack.api.removeprefix("http://"), timeout=60)
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self.etag, self.status = "", 0

    def ask(self, method: str, path: str, body: object = None, headers: dict[str, str] | None = None) -> object:
        """Send a request and return the parsed answer; ``None`` where there is nothing in it."""
        text_ = None if body is None else json.dumps(body)
        self._connection.request(method, path, text_, {**self._headers, **(headers or {})})
        answer = self._connection.getresponse()
        content = answer.read()
        self.etag, self.status = answer.getheader("ETag") or "", answer.status
        if answer.status >= 400:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {content!r}")
        return json.loads(content) if content else None

    def order(self) -> str:
        """Create a ride and return its id."""
        pickup = {"latitude": CENTRE[0], "longitude": CENTRE[1]}
        destination = {"latitude": CENTRE[0] + 0.03, "longitude": CENTRE[1]}
        trip = {"product": "economy", "pickup": pickup, "destination": destination, "max_surge": 10}
        ride = self.ask("POST", "/v1/rides", trip)
        assert isinstance(ride, dict)
        return str(ride["id"])

    def push(self) -> None:
        """Tell where the driver is: at the centre, now."""
        fix = {"latitude": CENTRE[0], "longitude": CENTRE[1], "at": datetime.now(UTC).isoformat()}
        self.ask("POST", "/v1/drivers/me/locations", {"fixes": [fix]})

    def offer(self) -> dict[str, object]:
        """Wait for an offer."""
        deadline = time.monotonic() + _TO_MATCH_S
        while time.monotonic() < deadline:
            offer = self.ask("GET", "/v1/drivers/me/offer?wait=10")
            if isinstance(offer, dict):
                return offer
        raise RuntimeError("no offer came")


def _keys(stack: RunningStack) -> dict[str, str]:
    engine = create_engine(stack.database_url, 1, "bench")
    owners = [f"{who}-{number}" for who in ("passenger", "driver") for number in range(PEOPLE)]
    with transactions(engine).begin() as session:
        keys = {owner: api_keys.create(session, NewApiKey(owner, "bench", "unlimited"))[1] for owner in owners}
    engine.dispose()
    return keys


def _polls(passengers: Sequence[Phone], drivers: Sequence[Phone]) -> list[Figure]:
    """Compare polls that find nothing new, without a driver and with one, with a route that does nothing.

    They are asked by one passenger, and by eight at once, each about a ride of their own.
    """
    paths = [f"/v1/rides/{passenger.order()}" for passenger in passengers]
    figures = _polls_of_one_and_all(passengers, paths, "while searching")
    for driver in drivers:
        driver.push()
    offers = [driver.offer() for driver in drivers]
    for driver, offer in zip(drivers, offers, strict=True):
        driver.ask("POST", f"/v1/offers/{offer['id']}/accept")
    figures += _polls_of_one_and_all(passengers, paths, "during the ride")
    for driver, offer in zip(drivers, offers, strict=True):
        _drive(driver, offer)
    return figures


def _polls_of_one_and_all(passengers: Sequence[Phone], paths: Sequence[str], when: str) -> list[Figure]:
    return [_poll(passengers[:number], paths, when) for number in (1, len(passengers))]


def _poll(passengers: Sequence[Phone], paths: Sequence[str], when: str) -> Figure:
    polls, nothings = [], []
    with ThreadPoolExecutor(len(passengers)) as pool:
        for _ in range(POLL_ROUNDS):
            tasks = []
            for passenger, path in zip(passengers, paths, strict=False):
                passenger.ask("GET", path)
                tasks.append(partial(passenger.ask, "GET", path, headers={"If-None-Match": passenger.etag}))
            polls.append(_per_second(pool, tasks))
            if {passenger.status for passenger in passengers} != {http.client.NOT_MODIFIED}:
                raise RuntimeError(f"a poll {when} was answered with the ride")
            nothings.append(_per_second(pool, [partial(each.ask, "GET", "/healthz") for each in passengers]))
    poll, nothing = statistics.median(polls), statistics.median(nothings)
    clients = "1 client" if len(passengers) == 1 else f"{len(passengers)} clients"
    return Figure(f"getRide, nothing new, {when}, {clients}, requests per second / a no-op route", poll / nothing,
                  0.5, "higher",
                  f"{poll:.0f}/s / {nothing:.0f}/s (GET /healthz), medians of {POLL_ROUNDS}")  # fmt: skip


def _per_second(pool: ThreadPoolExecutor, tasks: Sequence[Callable[[], object]]) -> float:
    """Have each of ``tasks`` done again and again in a thread of its own; return how many were done per second."""
    times = POLLS if len(tasks) == 1 else POLLS // 2
    began = time.perf_counter()
    list(pool.map(_repeat, tasks, [times] * len(tasks)))
    return times * len(tasks) / (time.perf_counter() - began)


def _repeat(ask: Callable[[], object], times: int) -> None:
    for _ in range(times):
        ask()


def _accepts(passengers: Sequence[Phone], drivers: Sequence[Phone]) -> Figure:
    """Let eight drivers take eight rides at once, time after time, each from the offer of a real tick."""
    seconds: list[float] = []
    with ThreadPoolExecutor(PEOPLE) as pool:
        for _ in range(ROUNDS):
            list(pool.map(Phone.push, drivers))
            list(pool.map(Phone.order, passengers))
            offers = list(pool.map(Phone.offer, drivers))
            seconds += pool.map(_accept, drivers, offers)
            list(pool.map(_drive, drivers, offers))
            print(".", end="", file=sys.stderr, flush=True)
    return Figure(f"accept, p95 with {PEOPLE} drivers at once, ms", 1000 * percentile(seconds, 95), 40, "lower",
                  f"an amount: p50 {1000 * statistics.median(seconds):.1f} of {len(seconds)}")  # fmt: skip


def _accept(driver: Phone, offer: dict[str, object]) -> float:
    began = time.perf_counter()
    driver.ask("POST", f"/v1/offers/{offer['id']}/accept")
    return time.perf_counter() - began


def _drive(driver: Phone, offer: dict[str, object]) -> None:
    for step in ("start", "finish"):
        driver.ask("POST", f"/v1/rides/{offer['ride_id']}/{step}")


def _deadlocks(stack: RunningStack) -> Figure:
    engine = create_engine(stack.database_url, 1, "bench")
    with engine.connect() as connection:
        found = connection.execute(text("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"))
        count = int(found.scalar_one())
    engine.dispose()
    return Figure("deadlocks meanwhile", count, 0, "lower", "an amount: as PostgreSQL counted them")
