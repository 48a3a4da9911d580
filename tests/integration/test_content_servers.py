"""What servers say of themselves in Redis is found there, and forgotten when they say it no more."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from adapters.content_servers import KEEP_S, RedisContentServers
from adapters.redis_client import create_redis_client
from domain.content.servers import ServersUnknownError, SetReport
from tests.integration.content_world import eventually

NOW = datetime(2026, 11, 29, 4, 0, 0, 123, tzinfo=UTC)
REPORT = SetReport("yard-1", 7, "questions", "4f1c", NOW, NOW, None)


def servers_at(url: str, ttl_s: int = 60) -> RedisContentServers:
    return RedisContentServers(create_redis_client(url, 1.0), ttl_s)


def test_every_process_is_listed_with_the_last_that_it_said_of_each_set(redis_url: str) -> None:
    servers = servers_at(redis_url)
    nothing = SetReport("yard-0", 9, "titles", None, None, None, "the blob store is away")
    other = replace(REPORT, process=8)

    servers.report([replace(REPORT, revision="0000"), nothing])
    servers.report([other, REPORT])

    assert servers.list() == [nothing, REPORT, other]
    servers.close()


def test_who_says_nothing_any_more_is_left_out(redis_url: str) -> None:
    short, long = servers_at(redis_url, ttl_s=1), servers_at(redis_url)
    short.report([REPORT])
    long.report([replace(REPORT, process=8)])
    assert len(long.list()) == 2

    eventually(lambda: [report.process for report in long.list()] == [8])
    short.close()
    long.close()


def test_processes_that_are_long_gone_leave_nothing_behind(redis_url: str) -> None:
    servers = servers_at(redis_url)
    with create_redis_client(redis_url, 1.0) as client:
        client.zadd("{content_servers}:seen", {"{content_servers}:yard-1:6:questions": time.time() - 2 * KEEP_S})

        servers.report([REPORT])

        assert client.zrange("{content_servers}:seen", 0, -1) == [b"{content_servers}:yard-1:7:questions"]
    servers.close()


def test_while_redis_is_away_nobody_is_harmed_and_nothing_is_known() -> None:
    servers = servers_at("redis://127.0.0.1:1/0")

    servers.report([REPORT])

    with pytest.raises(ServersUnknownError):
        servers.list()
