from dataclasses import replace
from uuid import uuid4

import pytest

from domain.rides.model import RideStatus
from store.rides.rides import RideVersion
from web import version_cache
from web.ttl_cache import TTL_S
from web.version_cache import VersionCache

RIDE = uuid4()
FIRST = RideVersion(1, RideStatus.CREATED, "ann", None, "demo")
SECOND = replace(FIRST, version=2)


class Database:
    """Answers with ``version``, and counts how often it was asked."""

    def __init__(self) -> None:
        self.version: RideVersion | None = FIRST
        self.reads = 0

    def find(self) -> RideVersion | None:
        self.reads += 1
        return self.version


@pytest.fixture
def database() -> Database:
    return Database()


def test_a_version_is_read_once_and_again_after_its_time(database):
    now = [0.0]
    cache = VersionCache(lambda: now[0])

    first = [cache.get(RIDE, database.find) for _ in range(3)]
    now[0] = TTL_S
    cache.get(RIDE, database.find)

    assert first == [FIRST] * 3
    assert database.reads == 2


def test_a_change_that_is_heard_of_ends_what_was_remembered(database):
    cache = VersionCache()
    cache.get(RIDE, database.find)
    database.version = SECOND

    cache.hear(uuid4(), 7)
    before = cache.get(RIDE, database.find)
    cache.hear(RIDE, 2)

    assert (before, cache.get(RIDE, database.find)) == (FIRST, SECOND)


def test_what_was_read_before_a_change_is_not_remembered_after_it(database):
    cache = VersionCache()

    def find() -> RideVersion | None:
        found = database.find()
        cache.hear(RIDE, 2)
        return found

    assert cache.get(RIDE, find) == FIRST
    database.version = SECOND
    assert cache.get(RIDE, database.find) == SECOND


def test_a_late_word_of_what_is_known_already_changes_nothing(database):
    database.version, cache = SECOND, VersionCache()
    cache.get(RIDE, database.find)

    cache.hear(RIDE, 2)
    cache.get(RIDE, database.find)

    assert database.reads == 1


@pytest.mark.parametrize("is_during_a_read", [False, True])
def test_after_a_gap_nothing_is_believed(database, is_during_a_read):
    cache = VersionCache()

    def find() -> RideVersion | None:
        if is_during_a_read:
            cache.forget_all()
        return database.find()

    cache.get(RIDE, find)
    if not is_during_a_read:
        cache.forget_all()
    cache.get(RIDE, database.find)

    assert database.reads == 2


def test_a_ride_that_is_not_there_is_asked_for_again(database):
    database.version, cache = None, VersionCache()

    assert [cache.get(RIDE, database.find) for _ in range(2)] == [None, None]
    assert database.reads == 2


def test_memory_is_bounded(database, monkeypatch):
    monkeypatch.setattr(version_cache, "MAX_RIDES", 2)
    cache = VersionCache()

    for _ in range(5):
        cache.get(uuid4(), database.find)
        cache.hear(uuid4(), 1)

    assert cache.get(RIDE, database.find) == FIRST
