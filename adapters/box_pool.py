"""Boxes made ahead: a bounded number, shared by all languages, one program at a time in each.

Theory of operation
-------------------
Boxes of one key (an image) are alike. Each is in one of four places: being made, idle, busy with one session, or
being reset after it; their sum is bounded by ``PoolOptions.size``. Everything is decided in ``_plan``, under one
lock, after each change: first every waiting session gets a box of its key under way (an idle box of the key that was
longest out of use gives way when there is no room); then, while there is room, each key gets a spare.

A session never waits for what comes after it: resetting and removing are done by background threads. A box goes on
to the next program only when the reset found nothing wrong, no bound of the kernel was met, and it has not been used
or kept too often or too long; otherwise it is discarded. With ``is_reused`` off each box serves one session, and
spares are made for as many sessions as are busy.

When boxes of a key cannot be made, the sessions that wait for it get the reason at once, and so do new ones until a
pause is over that doubles with each failure. ``tend``, called now and then, notices boxes that died while idle (an
engine that was restarted) and makes new ones.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from typing import Protocol

from adapters.box import Box, BoxSession
from domain.code_runs.languages import Language
from domain.code_runs.sandbox import SandboxError

_log = logging.getLogger(__name__)

_MAX_PAUSE_S = 10.0
_FIRST_PAUSE_S = 0.5


class BoxMaker(Protocol):
    """Makes the boxes of a pool."""

    def key(self, language: Language) -> str:
        """Return which boxes will do for ``language``."""

    def make(self, key: str) -> Box:
        """Make a box whose agent has answered; raise ``SandboxError`` when that is impossible."""


@dataclass(frozen=True, slots=True)
class PoolOptions:
    """``size`` bounds the boxes that exist; ``max_uses`` and ``max_age_s`` the life of one.

    Making a box takes as long as seventeen small runs (bench/sandbox.py). Each reset proves a box clean, so
    the bounds on its life are for what no check can see, and may be wide.
    """

    size: int = 16
    is_reused: bool = True
    max_uses: int = 1000
    max_age_s: float = 3600.0
    wait_s: float = 120.0
    makers: int = 2


@dataclass(frozen=True, slots=True)
class PoolCounters:
    """What the pool has done and holds; ``disposed`` counts by reason."""

    created: int = 0
    reused: int = 0
    failed: int = 0
    disposed: dict[str, int] = field(default_factory=dict)
    idle: int = 0
    busy: int = 0
    making: int = 0


class BoxPool:
    """The boxes of one process."""

    def __init__(self, maker: BoxMaker, options: PoolOptions) -> None:
        self._maker = maker
        self._options = options
        self._changed = threading.Condition()
        self._idle: dict[str, list[Box]] = defaultdict(list)
        self._busy: set[Box] = set()
        self._resetting: Counter[str] = Counter()
        self._making: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._reasons: dict[str, str] = {}
        self._retry_at: dict[str, float] = {}
        # From the key that was longest out of use to the one used last.
        self._recent: OrderedDict[str, None] = OrderedDict()
        self._created = self._reused = self._failed = 0
        self._disposed: Counter[str] = Counter()
        self._is_closed = False
        self._makers = ThreadPoolExecutor(options.makers, "sandbox-make")
        self._cleaners = ThreadPoolExecutor(4, "sandbox-clean")

    def session(self, language: Language) -> AbstractContextManager[BoxSession]:
        """Lend a clean box for one code run in ``language``; raises as ``lend`` does."""
        return self.lend(self._maker.key(language), language)

    @contextmanager
    def lend(self, key: str, language: Language | None = None) -> Iterator[BoxSession]:
        """Lend a clean box of ``key`` for a program of ``language``, or for a command that is there already.

        Raises:
            SandboxError: none can be made, or none became free in time.
        """
        box = self._take(key)
        session = BoxSession(box, language)
        is_whole = False
        try:
            yield session
            is_whole = True
        finally:
            self._give_back(box, _reason_to_discard(session, box, is_whole=is_whole))

    def warm(self, languages: Sequence[Language]) -> None:
        """Start making one box ahead for each language, the first ones first, as far as there is room."""
        with self._changed:
            for language in reversed(languages):
                self._recent.setdefault(self._maker.key(language))
            self._plan()

    def wait_until_warm(self, timeout_s: float) -> bool:
        """Wait until nothing is being made any more; say whether that came in time."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._making.total(), timeout_s)

    def tend(self) -> None:
        """Discard idle boxes that died or grew old, and make what is missing."""
        with self._changed:
            for key, boxes in self._idle.items():
                for box in [box for box in boxes if not self._is_usable(box)]:
                    boxes.remove(box)
                    self._discard(box, "died idle" if not box.channel.is_quiet() else "age")
                self._idle[key] = boxes
            self._plan()

    def boxes(self) -> list[Box]:
        """Return every box that is idle or busy."""
        with self._changed:
            return [*self._busy, *(box for boxes in self._idle.values() for box in boxes)]

    def counters(self) -> PoolCounters:
        """Return what happened so far."""
        with self._changed:
            return PoolCounters(
                created=self._created,
                reused=self._reused,
                failed=self._failed,
                disposed=dict(self._disposed),
                idle=sum(map(len, self._idle.values())),
                busy=len(self._busy),
                making=self._making.total(),
            )

    def close(self) -> None:
        """Discard every box, the busy ones too, and refuse new sessions; idempotent."""
        with self._changed:
            boxes = self.boxes() if not self._is_closed else []
            self._is_closed = True
            self._idle.clear()
            for box in boxes:
                box.channel.shut()
                self._discard(box, "closed")
            self._changed.notify_all()
        self._makers.shutdown(wait=True, cancel_futures=True)
        self._cleaners.shutdown(wait=True)

    def _take(self, key: str) -> Box:
        deadline = time.monotonic() + self._options.wait_s
        with self._changed:
            self._refuse_while_pausing(key)
            self._recent[key] = None
            self._recent.move_to_end(key)
            self._waiting[key] += 1
            try:
                box = self._await_idle(key, deadline)
            finally:
                self._waiting[key] -= 1
            self._reused += box.uses > 0
            box.uses += 1
            self._busy.add(box)
            self._plan()
            return box

    def _await_idle(self, key: str, deadline: float) -> Box:
        failures = self._failures[key]
        while True:
            if self._is_closed:
                raise SandboxError("the sandbox is closed")
            if (box := self._pop_idle(key)) is not None:
                return box
            if self._failures[key] != failures:
                raise SandboxError(self._reasons[key])
            self._plan()
            if not self._changed.wait(deadline - time.monotonic()):
                raise SandboxError(f"no box became free within {self._options.wait_s:.0f} s")

    def _refuse_while_pausing(self, key: str) -> None:
        if not self._idle[key] and time.monotonic() < self._retry_at.get(key, 0.0):
            raise SandboxError(self._reasons[key])

    def _pop_idle(self, key: str) -> Box | None:
        while self._idle[key]:
            box = self._idle[key].pop()
            if self._is_usable(box):
                return box
            self._discard(box, "died idle")
        return None

    def _is_usable(self, box: Box) -> bool:
        return box.channel.is_quiet() and time.monotonic() - box.made_at < self._options.max_age_s

    def _give_back(self, box: Box, reason: str | None) -> None:
        with self._changed:
            self._busy.discard(box)
            if self._is_closed:
                return
            reason = reason or self._worn_out(box)
            if reason is not None:
                self._discard(box, reason)
            else:
                self._resetting[box.key] += 1
                self._cleaners.submit(self._reset, box)
            self._plan()

    def _worn_out(self, box: Box) -> str | None:
        if not self._options.is_reused:
            return "single use"
        if box.uses >= self._options.max_uses:
            return "uses"
        return "age" if time.monotonic() - box.made_at >= self._options.max_age_s else None

    def _reset(self, box: Box) -> None:
        reason: str | None = "reset failed"
        try:
            anomalies = box.reset()
            reason = "anomaly" if anomalies else None
            if anomalies:
                _log.warning("a box was not clean after its reset: %s", "; ".join(anomalies))
        except SandboxError as error:
            _log.warning("a box could not be reset: %s", error)
        finally:
            with self._changed:
                self._resetting[box.key] -= 1
                if reason is None and not self._is_closed:
                    self._idle[box.key].append(box)
                else:
                    self._discard(box, reason or "closed")
                self._plan()
                self._changed.notify_all()

    def _discard(self, box: Box, reason: str) -> None:
        """Have a box removed by a background thread; the lock is held."""
        self._disposed[reason] += 1
        try:
            self._cleaners.submit(box.discard)
        except RuntimeError:  # The pool is closed and its threads are gone.
            box.discard()

    def _plan(self) -> None:
        """Start making the boxes that are missing; the lock is held."""
        if self._is_closed:
            return
        for key, sessions in self._waiting.items():
            while sessions > self._under_way(key) and self._may_make(key) and self._make_room(key):
                self._start_making(key)
        for key in reversed(self._recent):
            spares = 1 if self._options.is_reused else 1 + sum(box.key == key for box in self._busy)
            while self._under_way(key) < self._waiting[key] + spares and self._may_make(key) and self._has_room():
                self._start_making(key)

    def _under_way(self, key: str) -> int:
        return len(self._idle[key]) + self._resetting[key] + self._making[key]

    def _may_make(self, key: str) -> bool:
        return time.monotonic() >= self._retry_at.get(key, 0.0)

    def _has_room(self) -> bool:
        idle = sum(map(len, self._idle.values()))
        return idle + len(self._busy) + self._resetting.total() + self._making.total() < self._options.size

    def _make_room(self, for_key: str) -> bool:
        if self._has_room():
            return True
        for key in self._recent:
            if key != for_key and len(self._idle[key]) > self._waiting[key]:
                self._discard(self._idle[key].pop(0), "evicted")
                return True
        return False

    def _start_making(self, key: str) -> None:
        self._making[key] += 1
        self._makers.submit(self._make, key)

    def _make(self, key: str) -> None:
        box: Box | None = None
        reason = "a box could not be made"
        try:
            box = self._maker.make(key)
        except SandboxError as error:
            reason = str(error)
            _log.warning("a box for %s could not be made: %s", key, error)
        finally:
            with self._changed:
                self._making[key] -= 1
                self._note_made(key, box, reason)
                self._plan()
                self._changed.notify_all()

    def _note_made(self, key: str, box: Box | None, reason: str) -> None:
        if box is None:
            self._failed += 1
            self._failures[key] += 1
            self._reasons[key] = reason
            pause_s = min(_MAX_PAUSE_S, _FIRST_PAUSE_S * 2.0 ** min(10, self._failures[key] - 1))
            self._retry_at[key] = time.monotonic() + pause_s
            return
        self._created += 1
        self._failures[key] = 0
        self._retry_at.pop(key, None)
        if self._is_closed:
            self._discard(box, "closed")
        else:
            self._idle[key].append(box)


def _reason_to_discard(session: BoxSession, box: Box, *, is_whole: bool) -> str | None:
    if session.is_killed:
        return "killed"
    if session.failure is not None:
        return "failed"
    if not is_whole:
        # The caller broke off in the middle of something; nothing is known about the box.
        return "abandoned"
    return "hard limit" if box.hard_limits else None
