"""Everybody's list of what they watched last, in Redis, for all servers.

Theory of operation
-------------------
There is one key for each owner. It holds a list, a lease, or a hold.

Who finds nothing puts a *lease* of its own there, reads the database, and puts the list in only where its lease
still is. Whoever changes what the list is of puts a *hold* there before its transaction and deletes the key after the
commit. Both take the list and any lease away: a reader that has read before the commit finds its lease gone, and its
old list is not kept. While there is somebody else's lease or a hold, readers read the database and keep nothing.
Leases and holds end by themselves after some seconds, so nobody who dies leaves one, and a writer that dies between
commit and deletion leaves no list (but where another one of the same owner has just deleted the hold of both).
FLUSHALL takes leases away as well, and so no old list comes after it.

While Redis does not answer everything is read from the database. A frozen one costs one caller a time-out, and then
nobody asks for a second. What this process could not delete then is *owed*: it is deleted before anything else is
asked. Until then other processes, if Redis answers them, may show the old list; the daily refresh, and at the latest
the end of the list's time, put right what a process owed when it was killed.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from typing import TypeVar, cast
from uuid import uuid4

import redis

from adapters.circuit import Circuit
from domain.viewings.model import CacheAwayError, Refreshed, Seen, Source, Viewing

CIRCUIT_OPEN_S = 1.0
LIST_TTL_S = 26 * 3600
"""A list lives a little longer than until the next daily refresh."""
LEASE_S = 10
HOLD_S = 10
"""No transaction that changes a list is meant to take so long."""
MAX_OWED = 10_000
"""Beyond so many, owners whose old lists could not be deleted are left to the daily refresh."""
# The number is the form's: a release that writes lists differently does not read older ones.
PREFIX = "viewings:1:"

_HOLD = b"hold"
_LEASE = b"lease:"
# KEYS: the list's. ARGV: the lease that must be there, the list, its seconds to live.
_KEEP = """
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""

T = TypeVar("T")


class RedisViewingCache:
    """``ViewingCache`` in Redis; safe for many threads and processes."""

    def __init__(
        self, client: redis.Redis, list_ttl_s: int = LIST_TTL_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._client = client
        self._keep = client.register_script(_KEEP)
        self._list_ttl_s = list_ttl_s
        self._circuit = Circuit(1, CIRCUIT_OPEN_S, clock)
        self._lock = threading.Lock()
        self._owed: set[str] = set()

    def get(self, owner: str, read: Callable[[], Sequence[Viewing]]) -> Seen:
        """Return the owner's list; see ``domain.viewings.model.ViewingCache``."""
        key, lease = _key(owner), _new_lease()
        try:
            found, is_ours = self._ask(lambda: self._look(key, lease))
        except CacheAwayError:
            return Seen(read(), Source.AWAY)
        if found is not None:
            return Seen(found, Source.CACHE)
        viewings = read()
        if is_ours:
            with suppress(CacheAwayError):
                self._ask(lambda: self._keep(keys=[key], args=[lease, _to_json(viewings), self._list_ttl_s]))
        return Seen(viewings, Source.DATABASE)

    @contextmanager
    def changing(self, owner: str) -> Iterator[None]:
        """Keep no list of the owner until the block has ended."""
        key = _key(owner)
        with suppress(CacheAwayError):
            self._ask(lambda: self._client.set(key, _HOLD, ex=HOLD_S))
        try:
            yield
        finally:
            try:
                self._ask(lambda: self._client.delete(key))
            except CacheAwayError:
                self._owe(key)

    def refresh(
        self, owners: Sequence[str], read: Callable[[Sequence[str]], Mapping[str, Sequence[Viewing]]]
    ) -> Refreshed:
        """Replace the owners' lists by what ``read`` says.

        Raises:
            CacheAwayError: not all of it was done.
        """
        leases = {owner: _new_lease() for owner in owners}
        before = self._ask(lambda: self._take_leases(leases))
        lists = read(owners)
        after = {owner: _to_json(lists.get(owner, ())) for owner in owners if before[owner] != _HOLD}
        kept = self._ask(lambda: self._keep_all(leases, after))
        # What somebody changed meanwhile is not kept, and is as good as what was being changed before.
        return Refreshed(
            right=sum(before[owner] == after[owner] for owner in kept),
            stale=sum(_is_list(before[owner]) and before[owner] != after[owner] for owner in kept),
            added=sum(not _is_list(before[owner]) for owner in kept),
            busy=len(owners) - len(kept),
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def _look(self, key: str, lease: bytes) -> tuple[list[Viewing] | None, bool]:
        """Return the list, or ``None`` and whether this caller's lease is there now."""
        found = cast("bytes | None", self._client.get(key))
        if found is None:
            return None, bool(self._client.set(key, lease, nx=True, ex=LEASE_S))
        return (_from_json(found), False) if _is_list(found) else (None, False)

    def _take_leases(self, leases: Mapping[str, bytes]) -> dict[str, bytes | None]:
        """Put leases in place of what is there, and return that; a lease keeps readers' lists out as a hold does."""
        with self._client.pipeline(transaction=False) as pipeline:
            for owner, lease in leases.items():
                pipeline.set(_key(owner), lease, ex=LEASE_S, get=True)
            return dict(zip(leases, cast("list[bytes | None]", pipeline.execute()), strict=True))

    def _keep_all(self, leases: Mapping[str, bytes], lists: Mapping[str, bytes]) -> list[str]:
        """Put lists in where the leases still are; return the owners of those."""
        with self._client.pipeline(transaction=False) as pipeline:
            for owner, viewings in lists.items():
                self._keep(keys=[_key(owner)], args=[leases[owner], viewings, self._list_ttl_s], client=pipeline)
            return [owner for owner, is_kept in zip(lists, pipeline.execute(), strict=True) if is_kept]

    def _ask(self, work: Callable[[], T]) -> T:
        if not self._circuit.may_try():
            raise CacheAwayError("Redis did not answer a moment ago")
        try:
            self._pay()
            answer = work()
        except redis.RedisError as error:
            self._circuit.fail()
            raise CacheAwayError(f"Redis does not answer: {error}") from error
        self._circuit.succeed()
        return answer

    def _owe(self, key: str) -> None:
        with self._lock:
            if len(self._owed) < MAX_OWED:
                self._owed.add(key)

    def _pay(self) -> None:
        # Others wait here: an owed list must not be found by them before it is gone.
        with self._lock:
            if self._owed:
                self._client.delete(*self._owed)
                self._owed.clear()


def _key(owner: str) -> str:
    return f"{PREFIX}{owner}"


def _new_lease() -> bytes:
    return _LEASE + uuid4().hex.encode()


def _is_list(value: bytes | None) -> bool:
    return value is not None and value.startswith(b"[")


def _to_json(viewings: Sequence[Viewing]) -> bytes:
    rows = [[each.title_id, each.first_at.isoformat(), each.last_at.isoformat(), each.times] for each in viewings]
    return json.dumps(rows, separators=(",", ":")).encode()


def _from_json(value: bytes) -> list[Viewing]:
    return [
        Viewing(title_id, datetime.fromisoformat(first_at), datetime.fromisoformat(last_at), times)
        for title_id, first_at, last_at, times in json.loads(value)
    ]
