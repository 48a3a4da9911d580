"""The calls of ``domain.rides.ports.DriverIndex`` as scripts and back; the package says how they fit together."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TypeVar, cast

import redis

from adapters.circuit import Circuit
from adapters.driver_index import scripts
from adapters.driver_index.geohash import MAX_LATITUDE, MAX_LONGITUDE, decode
from adapters.redis_client import create_redis_client
from domain.rides.model import Fix, Place
from domain.rides.ports import (
    FORGET_S,
    MAX_PICKUP_M,
    STALE_S,
    AvailableDriver,
    DriverFix,
    DriverIndexError,
    NearestQuery,
    Supply,
)

# A circle costs what lies in the nine cells that cover it. The cells halve wherever the radius falls below the width
# of the world's map (40,075,453 m) halved a number of times (geohashEstimateStepsByRadius in geohash_helper.c), so
# each of these radii is the largest at its price. Starting small costs next to nothing where drivers are few, and
# pays where they are many.
FIRST_RADIUS_M = 76.4
RADIUS_FACTOR = 2.0

TIMEOUT_S = 1.0
CIRCUIT_OPEN_S = 1.0

# How many drivers or queries one script is given, and how many drivers a page of the snapshot has: some milliseconds
# of Redis' time.
CHUNK = 250
QUERIES = 16
PAGE = 10_000

Argument = bytes | str | int | float
Item = TypeVar("Item")

_LOG = logging.getLogger(__name__)


def create_index_client(url: str) -> redis.Redis:
    """Return a client that fails fast, but waits long enough for a page of a large city on a busy server."""
    return create_redis_client(url, TIMEOUT_S)


class RedisDriverIndex:
    """A ``DriverIndex`` in Redis; safe for many threads and processes.

    ``clock`` is the time of day in seconds, by which fixes grow stale. ``max_radius_m`` is how far ``nearest`` looks.
    """

    def __init__(
        self,
        client: redis.Redis,
        max_radius_m: float = MAX_PICKUP_M,
        clock: Callable[[], float] = time.time,
        circuit: Circuit | None = None,
    ) -> None:
        self._client = client
        self._max_radius_m = max_radius_m
        self._clock = clock
        self._circuit = circuit or Circuit(1, CIRCUIT_OPEN_S)
        self._is_failing = False
        self._nearest = client.register_script(scripts.NEAREST)
        self._supply = client.register_script(scripts.SUPPLY)
        self._put = client.register_script(scripts.PUT)
        self._remove = client.register_script(scripts.REMOVE)
        self._list = client.register_script(scripts.LIST)
        self._forget = client.register_script(scripts.FORGET)
        self._forget_changes = client.register_script(scripts.FORGET_CHANGES)

    def push(self, city: str, fixes: Sequence[DriverFix]) -> list[bool]:
        """Take fixes, in one round trip however many; those of one driver are compared in the given order."""
        keys, begin, now_ms = _keys(city), self._begin(city), _ms(self._clock())

        def send() -> list[bytes]:
            with self._client.pipeline(transaction=False) as pipeline:
                for chunk in _chunks(fixes, CHUNK):
                    arguments = [argument for fix in chunk for argument in _push_arguments(fix, now_ms)]
                    pipeline.eval(scripts.PUSH, len(keys), *keys, *begin, *arguments)
                return pipeline.execute()

        return [flag == ord("1") for flags in self._guarded(send) for flag in flags] if fixes else []

    def set_available(self, city: str, driver: AvailableDriver, mark: int | None = None) -> bool:
        """Make a driver a candidate of the product, and of no other."""
        return self._change(self._put, city, mark, [driver.driver_id, driver.product])

    def set_unavailable(self, city: str, driver_id: str, mark: int | None = None) -> bool:
        """Take a driver out of the candidates."""
        return self._change(self._remove, city, mark, [driver_id])

    def nearest(self, city: str, queries: Sequence[NearestQuery]) -> list[list[tuple[str, float]]]:
        """Return the nearest candidates within ``max_radius_m``, exactly: a circle counts when it holds enough."""
        radii = [min(FIRST_RADIUS_M, self._max_radius_m), self._max_radius_m, RADIUS_FACTOR]
        answers: list[list[tuple[str, float]]] = [[] for _ in queries]
        for chunk in _chunks([row for row, query in enumerate(queries) if _can_be_asked(query)], QUERIES):
            where = [argument for row in chunk for argument in _query_arguments(queries[row])]
            found = cast("list[list[tuple[str, str]]]", self._read(self._nearest, city, [*radii, *where]))
            for row, pairs in zip(chunk, found, strict=True):
                answers[row] = [(driver_id, float(metres)) for driver_id, metres in pairs]
        return answers

    def supply(self, city: str, product: str) -> Supply:
        """Return all candidates, read in pages: one who moves meanwhile is missed or found at either place."""
        scores: dict[str, str] = {}
        first, has_more = 0, True
        while has_more:
            page = cast("list[str]", self._read(self._supply, city, [product, first, first + PAGE - 1]))
            scores.update(zip(page[::2], page[1::2], strict=True))
            first += PAGE
            has_more = len(page) == 2 * PAGE
        latitudes, longitudes = decode(list(scores.values()))
        return Supply(list(scores), latitudes, longitudes)

    def findable(self, city: str) -> int:
        """Return how many candidates there are; those who are stale by now may still be in the sets."""
        seen = _keys(city)[scripts.KEYS_OF_A_CITY.index("seen")]
        fresh = f"({_ms(self._clock() - STALE_S)}"
        return int(self._guarded(lambda: self._client.zcount(seen, fresh, "+inf")))

    def last_positions(self, city: str, driver_ids: Sequence[str]) -> dict[str, Fix]:
        """Return where drivers were last seen, up to ``FORGET_S`` ago and a rebuild."""
        key = _keys(city)[scripts.KEYS_OF_A_CITY.index("last")]
        found: dict[str, Fix] = {}
        for chunk in _chunks(driver_ids, CHUNK):
            texts = self._guarded(partial(self._client.hmget, key, list(chunk)))
            pairs = zip(chunk, cast("list[bytes | None]", texts), strict=True)
            found.update({driver_id: _position(text) for driver_id, text in pairs if text is not None})
        return found

    def knows_since(self, city: str) -> datetime:
        """Return when this was asked for the first time since the server lost everything, or was new."""
        changed = self._changed(city)
        self._guarded(lambda: self._client.zadd(changed, {":since": _ms(self._clock())}, nx=True))
        since_ms = self._guarded(lambda: self._client.zscore(changed, ":since"))
        return datetime.fromtimestamp((since_ms or _ms(self._clock())) / 1000, UTC)

    def mark(self, city: str) -> int:
        """Return the number of changes of availability so far: what a list read after this call knows of."""
        return int(self._guarded(lambda: self._client.zscore(self._changed(city), ":count")) or 0)

    def rebuild(self, city: str, drivers: Sequence[AvailableDriver], mark: int | None = None) -> None:
        """Make ``drivers`` the candidates, but for whoever changed since ``mark`` (else: since this call began)."""
        if mark is None:
            mark = self.mark(city)
        for chunk in _chunks(drivers, CHUNK):
            pairs = [text for driver in chunk for text in (driver.driver_id, driver.product)]
            self._run(self._put, city, [mark, "rebuild", *pairs])
        wanted = {driver.driver_id for driver in drivers}
        for chunk_of_ids in _chunks(sorted(self._candidates(city) - wanted), CHUNK):
            self._run(self._remove, city, [mark, "rebuild", *chunk_of_ids])
        # What a list that is read from now on knows of need not be remembered; the counter itself stays.
        self._run(self._forget_changes, city, [mark])
        self._forget_old(city)

    def _forget_old(self, city: str) -> None:
        oldest_ms = _ms(self._clock() - FORGET_S)
        cursor: object = b"0"
        while True:
            cursor = self._run(self._forget, city, [cast("bytes", cursor), oldest_ms])
            if cursor == b"0":
                return

    def _candidates(self, city: str) -> set[str]:
        ids: set[str] = set()
        cursor = b"0"
        while True:
            cursor, some = cast("list[bytes]", self._run(self._list, city, [cursor]))
            ids.update(json.loads(some))
            if cursor == b"0":
                return ids

    def _read(self, script: redis.commands.core.Script, city: str, arguments: Sequence[Argument]) -> list[object]:
        answer = None
        # Nothing: there were more stale drivers than one call takes out.
        while answer is None:
            answer = self._run(script, city, arguments)
        # Lua has one word for an empty list and an empty object.
        return json.loads(cast("bytes", answer)) or []

    def _change(self, script: redis.commands.core.Script, city: str, mark: int | None, what: list[str]) -> bool:
        return self._run(script, city, ["" if mark is None else mark, "change", *what]) == 1

    def _run(self, script: redis.commands.core.Script, city: str, arguments: Sequence[Argument]) -> object:
        return self._guarded(lambda: script(_keys(city), [*self._begin(city), *arguments]))

    def _guarded(self, ask: Callable[[], Item]) -> Item:
        if not self._circuit.may_try():
            raise DriverIndexError("the driver index did not answer a moment ago")
        try:
            answer = ask()
        except (redis.ConnectionError, redis.TimeoutError) as error:
            self._circuit.fail()
            raise self._failure(f"the driver index does not answer: {error}") from error
        except redis.RedisError as error:
            # An answer, if not a welcome one: others may fare better.
            self._circuit.succeed()
            raise self._failure(f"the driver index failed: {error}") from error
        self._circuit.succeed()
        if self._is_failing:
            self._is_failing = False
            _LOG.warning("the driver index works again")
        return answer

    def _failure(self, message: str) -> DriverIndexError:
        # The first in a row is told to the log, by whichever thread; thousands of pushes a second may follow it.
        if not self._is_failing:
            self._is_failing = True
            _LOG.warning(message)
        return DriverIndexError(message)

    def _begin(self, city: str) -> list[Argument]:
        return [_prefix(city) + "available:", _ms(self._clock() - STALE_S)]

    @staticmethod
    def _changed(city: str) -> str:
        return _keys(city)[scripts.KEYS_OF_A_CITY.index("changed")]


def _prefix(city: str) -> str:
    # The braces make Redis Cluster put all of a city on one node.
    return f"rides:{{{city}}}:"


def _keys(city: str) -> list[str]:
    return [_prefix(city) + name for name in scripts.KEYS_OF_A_CITY]


def _ms(seconds: float) -> int:
    return round(seconds * 1000)


def _chunks(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    return (items[first : first + size] for first in range(0, len(items), size))


def _can_be_asked(query: NearestQuery) -> bool:
    place = query.place
    return query.count > 0 and abs(place.latitude) <= MAX_LATITUDE and abs(place.longitude) <= MAX_LONGITUDE


def _query_arguments(query: NearestQuery) -> tuple[Argument, ...]:
    return query.product, float(query.place.longitude), float(query.place.latitude), query.count


def _push_arguments(fix: DriverFix, now_ms: int) -> tuple[Argument, ...]:
    position = fix.fix
    latitude, longitude = float(position.place.latitude), float(position.place.longitude)
    at_ms = min(_ms(position.at.timestamp()), now_ms)
    bearing = "" if position.bearing is None else position.bearing
    text = f"{latitude!r},{longitude!r},{at_ms},{bearing},{position.accuracy_m}"
    return fix.driver_id, at_ms, longitude, latitude, text


def _position(text: bytes) -> Fix:
    latitude, longitude, at_ms, bearing, accuracy_m = text.decode().split(",")
    return Fix(
        place=Place(float(latitude), float(longitude)),
        at=datetime.fromtimestamp(int(at_ms) / 1000, UTC),
        accuracy_m=float(accuracy_m),
        bearing=float(bearing) if bearing else None,
    )
