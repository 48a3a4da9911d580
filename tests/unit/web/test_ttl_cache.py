from datetime import UTC, datetime
from uuid import UUID

from store.api_keys import ApiKey
from web.ttl_cache import TTL_S, TtlCache

MAX_KEYS = 100

KEY = ApiKey(UUID(int=1), "alice", "test", "free", False, datetime.now(UTC), None, None)


class Clock:
    now_s = 0.0

    def __call__(self):
        return self.now_s


class Finder:
    def __init__(self, found):
        self.found = found
        self.calls = 0

    def __call__(self):
        self.calls += 1
        return self.found


def test_a_valid_key_is_looked_up_once_in_its_time():
    clock = Clock()
    cache, find = TtlCache(MAX_KEYS, clock), Finder(KEY)

    for now_s in (0, TTL_S - 1, TTL_S, TTL_S + 1):
        clock.now_s = now_s
        assert cache.get(b"h", find) is KEY

    assert find.calls == 2


def test_an_unknown_key_is_looked_up_every_time():
    cache, find = TtlCache(MAX_KEYS), Finder(None)

    assert [cache.get(b"h", find), cache.get(b"h", find)] == [None, None]
    assert find.calls == 2


def test_after_a_revocation_every_key_is_looked_up_again():
    cache, find = TtlCache(MAX_KEYS), Finder(KEY)
    cache.get(b"h", find)

    cache.forget_all()

    find.found = None
    assert cache.get(b"h", find) is None


def test_a_key_that_is_revoked_while_it_is_looked_up_is_not_remembered():
    cache, after = TtlCache(MAX_KEYS), Finder(None)

    def find():
        cache.forget_all()
        return KEY

    assert cache.get(b"h", find) is KEY
    assert cache.get(b"h", after) is None


def test_memory_is_bounded():
    cache, find = TtlCache(MAX_KEYS), Finder(KEY)

    for number in range(MAX_KEYS + 10):
        cache.get(number.to_bytes(4, "big"), find)

    assert len(cache._entries) <= MAX_KEYS
