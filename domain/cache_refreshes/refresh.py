"""One POP is brought up to date: it forgets what it is told to forget, fetches what it should hold, and is asked.

Nothing here is done because a POP says "done". A copy counts once the POP, asked without leave to fetch, shows it
with the right ETag and as fresh. Every step may be done again at any time: what a POP holds already is not fetched
twice.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from domain.cache_refreshes.edge import Copy, EdgeError, EdgeRefusedError, PopDriver, Selection

PARALLEL = 8
FETCH_AGAIN_EVERY = 4
"""Whoever waits for a fetch behind a stale copy gets the stale one again; so it is asked for seldom."""
MAX_FAILED_FETCHES = 2
"""An object that could not be fetched so often is given up for this time."""
MAX_WRONG = 16
"""So many objects that cannot be had are no matter of single objects: the fill breaks off."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """An object that a POP should hold; ``etag`` ``None``: whatever the origin has now."""

    path: str
    etag: str | None = None


class Outcome(StrEnum):
    """What became of an object: proven; the origin has none; or the POP does not show what it should."""

    VERIFIED = "verified"
    NOT_AT_ORIGIN = "not_at_origin"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one object. ``fetched_bytes`` is how much was got to find out; ``copy`` what is held now."""

    path: str
    outcome: Outcome
    copy: Copy | None = None
    is_fetched: bool = False
    fetched_bytes: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Filling:
    """How far a fill came: ``left`` was not looked at, because the pace ended it or the POP broke (``fault``)."""

    results: tuple[Result, ...]
    left: tuple[Wanted, ...]
    fault: EdgeError | EdgeRefusedError | None = None


class Pace(Protocol):
    """How fast a POP is filled. Safe for many threads."""

    def may_go_on(self) -> bool:
        """Wait until the next object may be fetched; ``False``: not any more within this fill."""
        ...

    def charge(self, size_bytes: int) -> None:
        """Note what was fetched."""
        ...


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one object is waited for, asking again after waits that double from ``first_s`` to ``longest_s``."""

    total_s: float = 5.0
    first_s: float = 0.02
    longest_s: float = 0.5
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic

    def turns(self) -> Iterator[int]:
        """Yield 0, 1, 2 … with a wait before each but the first, until the time is over."""
        ends_at, wait_s, turn = self.clock() + self.total_s, self.first_s, 0
        while True:
            yield turn
            if self.clock() >= ends_at:
                return
            self.sleep(wait_s)
            wait_s, turn = min(2 * wait_s, self.longest_s), turn + 1


def fill(driver: PopDriver, wanted: Sequence[Wanted], pace: Pace, patience: Patience | None = None) -> Filling:
    """Have a POP hold what is wanted, several objects at a time; what it holds already is only asked for."""
    work = _Work(iter(wanted))

    def carry(_: int) -> None:
        while (each := work.next()) is not None:
            if not pace.may_go_on():
                work.stop(None)
                return
            try:
                result = _fill_one(driver, each, patience or Patience())
            except (EdgeError, EdgeRefusedError) as error:
                work.stop(error)
                return
            pace.charge(result.fetched_bytes)
            work.add(result)

    threads = min(PARALLEL, len(wanted))
    if threads <= 1:
        carry(0)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(carry, range(threads)))
    done = {result.path for result in work.results}
    return Filling(tuple(work.results), tuple(each for each in wanted if each.path not in done), work.fault)


def look(driver: PopDriver, wanted: Sequence[Wanted], may_go_on: Callable[[], bool]) -> list[Result]:
    """Ask a POP for what it should hold, as long as ``may_go_on``, and have nothing fetched.

    A copy that is stale is one: it is served until the POP has fetched a newer one by itself.

    Raises:
        EdgeError, EdgeRefusedError: the POP cannot be asked.
    """

    def ask(each: Wanted) -> Result | None:
        if not may_go_on():
            return None
        copy = driver.probe(each.path)
        if copy is not None and _is_of(copy, each):
            return Result(each.path, Outcome.VERIFIED, copy)
        return Result(each.path, Outcome.WRONG, copy, reason="absent" if copy is None else f"has ETag {copy.etag}")

    with ThreadPoolExecutor(PARALLEL) as pool:
        results = list(pool.map(ask, wanted))
    return [result for result in results if result is not None]


def find_left(driver: PopDriver, paths: Sequence[str]) -> list[str]:
    """Return those of ``paths`` that a POP still holds, after it was told to drop them.

    Raises:
        EdgeError, EdgeRefusedError: the POP cannot be asked.
    """
    with ThreadPoolExecutor(PARALLEL) as pool:
        copies = list(pool.map(driver.probe, paths))
    return [path for path, copy in zip(paths, copies, strict=True) if copy is not None]


@dataclass(slots=True)
class _Work:
    """What several threads share: the objects that are left, and why no more of them are taken."""

    left: Iterator[Wanted]
    results: list[Result] = field(default_factory=list)
    fault: EdgeError | EdgeRefusedError | None = None
    is_stopped: bool = False
    wrong: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def next(self) -> Wanted | None:
        with self.lock:
            return None if self.is_stopped else next(self.left, None)

    def add(self, result: Result) -> None:
        with self.lock:
            self.results.append(result)
            self.wrong += result.outcome is Outcome.WRONG
        if self.wrong >= MAX_WRONG:
            self.stop(EdgeError(f"{self.wrong} objects cannot be had; {result.path}: {result.reason}"))

    def stop(self, fault: EdgeError | EdgeRefusedError | None) -> None:
        with self.lock:
            self.is_stopped = True
            self.fault = self.fault or fault


def _fill_one(driver: PopDriver, wanted: Wanted, patience: Patience) -> Result:
    fetches, fetched_bytes, failed_fetches, reason = 0, 0, 0, ""
    copy: Copy | None = None
    for turn in patience.turns():
        # A POP that is away fails here, so what fails further down is this object's fault, or its origin's.
        copy = driver.probe(wanted.path)
        if copy is not None and copy.is_fresh and _is_of(copy, wanted):
            return Result(wanted.path, Outcome.VERIFIED, copy, fetches > 0, fetched_bytes)
        if failed_fetches == MAX_FAILED_FETCHES:
            break
        if copy is not None and copy.is_fresh:
            # A POP does not ask the origin about what it takes for fresh.
            driver.purge(Selection(paths=(wanted.path,)), is_soft=True)
        elif copy is not None and turn % FETCH_AGAIN_EVERY:
            continue
        try:
            fetched = driver.fetch(wanted.path)
        except EdgeError as error:
            failed_fetches, reason = failed_fetches + 1, str(error)
            continue
        if fetched is None:
            return Result(wanted.path, Outcome.NOT_AT_ORIGIN, None, fetches > 0, fetched_bytes, "the origin has none")
        fetches, fetched_bytes = fetches + 1, fetched_bytes + fetched.size_bytes
    return Result(wanted.path, Outcome.WRONG, copy, fetches > 0, fetched_bytes, reason or _fault(copy, wanted))


def _is_of(copy: Copy, wanted: Wanted) -> bool:
    # A POP that compresses what it holds must call the ETag a weak one.
    return wanted.etag is None or copy.etag.removeprefix("W/") == wanted.etag.removeprefix("W/")


def _fault(copy: Copy | None, wanted: Wanted) -> str:
    if copy is None:
        return "the POP does not keep it"
    if _is_of(copy, wanted):
        return "the origin does not give a fresh one"
    return f"the origin has ETag {copy.etag}, not {wanted.etag}"
