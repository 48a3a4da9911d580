import os
import signal
import threading

import pytest
import redis

from adapters.rate_limiter import CIRCUIT_OPEN_S, TIMEOUT_S, RedisRateLimiter
from adapters.redis_client import create_redis_client
from cli.stack.servers import ValkeyServer
from domain.rate_limits.model import Window

SECOND = Window(1, 1)
MINUTE = Window(5, 60)


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def own_valkey(tmp_path):
    server = ValkeyServer(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def limiter(redis_url):
    client = create_redis_client(redis_url, TIMEOUT_S)
    yield RedisRateLimiter(client)
    client.close()


def test_requests_beyond_a_window_are_refused_with_the_time_to_wait(limiter):
    decisions = [limiter.charge("alice", (MINUTE,), 1) for _ in range(6)]

    assert [decision.is_allowed for decision in decisions] == [True] * 5 + [False]
    assert [decision.states[0].remaining for decision in decisions] == [4, 3, 2, 1, 0, 0]
    assert 59 < decisions[-1].retry_after_s <= 60
    assert all(decision.is_enforced for decision in decisions)


def test_a_refused_request_is_charged_in_no_window(limiter):
    windows = (SECOND, MINUTE)
    limiter.charge("alice", windows, 1)

    refused = limiter.charge("alice", windows, 1)

    assert not refused.is_allowed
    assert 0 < refused.retry_after_s <= 1
    assert refused.states[1].remaining == 4


def test_callers_do_not_share_a_window(limiter):
    limiter.charge("alice", (SECOND,), 1)

    assert limiter.charge("bob", (SECOND,), 1).is_allowed


def test_a_cost_above_the_limit_is_let_through_once_and_then_waited_for(limiter):
    first = limiter.charge("alice", (MINUTE,), 12)
    second = limiter.charge("alice", (MINUTE,), 1)

    assert first.is_allowed
    assert not second.is_allowed
    # 12 units at 5 a minute are full for two minutes; in the third there is room again.
    assert 119 < second.retry_after_s <= 120


def test_a_window_is_open_again_when_its_entries_have_left(limiter):
    short = Window(2, 1)
    limiter.charge("alice", (short,), 2)
    refused = limiter.charge("alice", (short,), 1)

    threading.Event().wait(refused.retry_after_s + 0.001)

    assert limiter.charge("alice", (short,), 2).is_allowed


def test_racing_requests_are_admitted_exactly_up_to_the_limit(limiter):
    allowed = []

    def charge():
        allowed.append(limiter.charge("alice", (Window(7, 60), Window(20, 3600)), 1).is_allowed)

    threads = [threading.Thread(target=charge) for _ in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(allowed) == 7


def test_a_tier_without_windows_is_never_refused(limiter):
    assert limiter.charge("alice", (), 1_000_000).is_allowed


def test_the_log_of_a_caller_who_left_is_forgotten(limiter, redis_url):
    limiter.charge("alice", (MINUTE,), 1)

    client = redis.Redis.from_url(redis_url)
    assert [0 < client.ttl(key) <= 61 for key in client.keys("rate_limits:*")] == [True]
    client.close()


def test_an_absent_server_lets_requests_through_unseen():
    limiter = RedisRateLimiter(create_redis_client("redis://127.0.0.1:1/0", TIMEOUT_S))

    decision = limiter.charge("alice", (SECOND,), 1)

    assert decision.is_allowed
    assert not decision.is_enforced


def test_a_frozen_server_is_asked_once_and_again_after_the_circuit_was_open(own_valkey):
    clock = Clock()
    client = create_redis_client(own_valkey.url(), TIMEOUT_S)
    limiter = RedisRateLimiter(client, clock=clock)
    os.kill(own_valkey.pid, signal.SIGSTOP)
    first = limiter.charge("alice", (SECOND,), 1)
    os.kill(own_valkey.pid, signal.SIGCONT)

    while_open = limiter.charge("alice", (SECOND,), 1)
    clock.now_s += CIRCUIT_OPEN_S
    after = limiter.charge("bob", (SECOND,), 1)

    assert [first.is_enforced, while_open.is_enforced, after.is_enforced] == [False, False, True]
    client.close()
