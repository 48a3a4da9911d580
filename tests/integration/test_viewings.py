"""What somebody watched: noted with the view, read through a cache that never shows what is no longer so."""

from __future__ import annotations

import os
import signal
from contextlib import ExitStack

import pytest
import redis

from adapters.redis_client import create_redis_client
from adapters.viewing_cache import CIRCUIT_OPEN_S, PREFIX, RedisViewingCache
from cli.stack.servers import ValkeyServer
from domain.viewings.model import MAX_LISTED, Source
from store import viewings
from store.db import sessions
from tests.apis import api
from tests.integration.content_world import publish_films
from tests.videos import Studio, publish

TIMEOUT_S = 0.2


class Clock:
    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        return self.now_s


class Shelf:
    """A database of viewings before which there are caches, each as a process of its own has it."""

    def __init__(self, engine, redis_url):
        self.sessions = sessions(engine)
        self.redis_url = redis_url
        self.reads = 0
        self.stack = ExitStack()

    def cache(self, clock=None, list_ttl_s=60):
        client = create_redis_client(self.redis_url, TIMEOUT_S)
        self.stack.callback(client.close)
        return RedisViewingCache(client, list_ttl_s, clock or Clock())

    def record(self, owner="ada", title="film"):
        with self.sessions() as session:
            viewings.record(session, owner, title)

    def newest(self, owner="ada"):
        self.reads += 1
        with self.sessions() as session:
            return viewings.newest(session, [owner])[owner]

    def get(self, cache, owner="ada"):
        """What the cache says, as (title, times), and where it is from."""
        seen = cache.get(owner, lambda: self.newest(owner))
        return [(each.title_id, each.times) for each in seen.viewings], seen.source


@pytest.fixture
def shelf(engine, redis_url):
    made = Shelf(engine, redis_url)
    yield made
    made.stack.close()


@pytest.fixture
def own_valkey(tmp_path):
    server = ValkeyServer(tmp_path / "valkey")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def studio(engine, tmp_path):
    return Studio(engine, tmp_path)


@pytest.fixture
def platform(database_url, redis_url, tmp_path):
    publish_films(tmp_path, "film")
    with api(database_url, redis_url, home=tmp_path) as running:
        yield running


def play(client, title="film"):
    assert client.get(f"/v1/titles/{title}/playback").status_code == 200


def watched(client, query=""):
    return [(each["title"], each["times"]) for each in client.get(f"/v1/viewings{query}").json["viewings"]]


def metric(running, source):
    text = running.app.test_client().get("/metrics").text
    return next(
        (
            float(line.split()[1])
            for line in text.splitlines()
            if f'viewings_reads_total{{source="{source}"}}' in line
        ),
        0.0,
    )


def test_everybody_sees_what_they_watched_last_and_nobody_elses(platform, studio):
    for title in ("film", "other"):
        publish(studio, {"master.m3u8": b"#EXTM3U\n"}, title)
    ada, bob = platform.client("ada"), platform.client("bob", is_admin=True)
    assert watched(ada) == watched(bob) == []

    for title in ("film", "other", "film"):
        play(ada, title)
    play(bob, "other")

    answer = ada.get("/v1/viewings")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "private, no-cache")
    first, second = answer.json["viewings"]
    assert (first["title"], first["times"], second["title"], second["times"]) == ("film", 2, "other", 1)
    assert first["first_at"] < second["first_at"] == second["last_at"] < first["last_at"]
    # Of the other one there is no record in the catalogue.
    assert (first["links"], second["links"]) == ({"title": "/v1/titles/film"}, {})
    assert watched(ada, "?limit=1") == [("film", 2)]
    assert watched(bob) == [("other", 1)]
    assert platform.app.test_client().get("/v1/viewings").status_code == 401
    assert [ada.get(f"/v1/viewings?{query}").status_code for query in ("limit=0", "limit=101", "of=bob")] == [422] * 3


def test_a_list_that_is_known_is_not_sent_again(platform, studio):
    publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    ada = platform.client("ada")
    play(ada)
    etag = ada.get("/v1/viewings").headers["ETag"]

    again = ada.get("/v1/viewings", headers={"If-None-Match": etag})

    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", etag)
    play(ada)
    assert ada.get("/v1/viewings", headers={"If-None-Match": etag}).status_code == 200


def test_a_view_is_counted_in_both_places_or_in_none(platform, studio):
    publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    studio.world.execute("ALTER TABLE video_views ADD CONSTRAINT no CHECK (views < 1)")
    ada = platform.client("ada")

    assert ada.get("/v1/titles/film/playback").status_code == 500
    assert watched(ada) == []
    studio.world.execute("ALTER TABLE video_views DROP CONSTRAINT no")
    play(ada)

    assert watched(ada) == [("film", 1)]
    assert studio.world.count("SELECT sum(views) FROM video_views") == 1


def test_what_one_server_plays_every_server_shows_at_once(database_url, redis_url, tmp_path, studio):
    publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    with api(database_url, redis_url, home=tmp_path) as one, api(database_url, redis_url, home=tmp_path) as other:
        here, there = one.client("ada"), other.client("ada")
        assert watched(here) == watched(here) == watched(there) == []
        # The second server has it from the first.
        assert (metric(one, "miss"), metric(one, "hit"), metric(other, "hit")) == (1, 1, 1)

        for times in (1, 2, 3):
            play(here if times % 2 else there)

            assert watched(there) == watched(here) == [("film", times)]


def test_without_redis_the_list_comes_from_the_database(database_url, tmp_path, studio):
    publish(studio, {"master.m3u8": b"#EXTM3U\n"})
    with api(database_url, "redis://127.0.0.1:1/0", home=tmp_path) as running:
        ada = running.client("ada")
        play(ada)

        assert watched(ada) == [("film", 1)]
        assert metric(running, "away") == 1


def test_a_list_is_read_from_the_database_once(shelf):
    one, other = shelf.cache(), shelf.cache()
    shelf.record()

    assert shelf.get(one) == ([("film", 1)], Source.DATABASE)
    assert shelf.get(one) == shelf.get(other) == ([("film", 1)], Source.CACHE)
    assert shelf.reads == 1
    assert shelf.get(one, "bob") == shelf.get(one, "ada:film") == ([], Source.DATABASE)
    with redis.Redis.from_url(shelf.redis_url) as client:
        assert 50 < client.ttl(f"{PREFIX}ada") <= 60


def test_a_list_that_was_read_before_a_change_is_not_kept_after_it(shelf):
    reader, writer = shelf.cache(), shelf.cache()

    def read_and_be_overtaken():
        found = shelf.newest()
        with writer.changing("ada"):
            shelf.record()
        return found

    assert reader.get("ada", read_and_be_overtaken).viewings == []

    assert shelf.get(reader) == ([("film", 1)], Source.DATABASE)
    assert shelf.get(writer) == ([("film", 1)], Source.CACHE)


def test_a_list_that_is_being_changed_is_neither_shown_nor_kept(shelf):
    reader, writer = shelf.cache(), shelf.cache()
    shelf.get(reader)

    with writer.changing("ada"):
        assert shelf.get(reader) == ([], Source.DATABASE)
        assert shelf.get(reader) == ([], Source.DATABASE)
        shelf.record()

    assert shelf.get(reader) == ([("film", 1)], Source.DATABASE)
    assert shelf.get(reader) == ([("film", 1)], Source.CACHE)


def test_an_old_list_does_not_come_after_everything_was_flushed(shelf):
    reader, writer = shelf.cache(), shelf.cache()

    def read_and_be_flushed():
        found = shelf.newest()
        with writer.changing("ada"):
            shelf.record()
        with redis.Redis.from_url(shelf.redis_url) as client:
            client.flushall()
        return found

    reader.get("ada", read_and_be_flushed)

    assert shelf.get(reader) == ([("film", 1)], Source.DATABASE)
    with redis.Redis.from_url(shelf.redis_url) as client:
        client.flushall()
    assert shelf.get(writer) == ([("film", 1)], Source.DATABASE)


def test_a_writer_that_dies_after_its_commit_leaves_no_old_list(shelf):
    reader, writer = shelf.cache(), shelf.cache()
    shelf.get(reader)

    dead = writer.changing("ada")
    dead.__enter__()
    shelf.record()

    assert shelf.get(reader) == ([("film", 1)], Source.DATABASE)
    with redis.Redis.from_url(shelf.redis_url) as client:
        # What is there ends by itself.
        assert 0 < client.ttl(f"{PREFIX}ada") <= 10


def test_what_a_frozen_redis_was_not_told_it_is_told_before_it_is_asked_again(engine, own_valkey):
    shelf, clock = Shelf(engine, own_valkey.url()), Clock()
    with shelf.stack:
        cache = shelf.cache(clock)
        assert shelf.get(cache) == ([], Source.DATABASE)
        pid = int(redis.Redis.from_url(own_valkey.url()).info("server")["process_id"])

        os.kill(pid, signal.SIGSTOP)
        try:
            with cache.changing("ada"):
                shelf.record()
            assert shelf.get(cache) == ([("film", 1)], Source.AWAY)
        finally:
            os.kill(pid, signal.SIGCONT)

        # Until the circuit closes nobody asks; then the old list goes first.
        assert shelf.get(cache) == ([("film", 1)], Source.AWAY)
        clock.now_s += CIRCUIT_OPEN_S
        assert shelf.get(cache) == ([("film", 1)], Source.DATABASE)
        assert shelf.get(cache) == ([("film", 1)], Source.CACHE)


def test_the_newest_are_listed_up_to_a_bound_and_cost_one_index(shelf, engine):
    with engine.connect() as connection:
        connection.exec_driver_sql(
            "INSERT INTO viewings SELECT owner, 't' || n, now() - n * interval '1 day', now() - n * interval '1 h', n"
            " FROM generate_series(1, 150) AS n, (VALUES ('ada'), ('bob')) AS o (owner)"
        )

    found = shelf.newest()

    assert [each.title_id for each in found] == [f"t{number}" for number in range(1, MAX_LISTED + 1)]
    with engine.connect() as connection:
        plan = connection.exec_driver_sql(
            "EXPLAIN SELECT title_id FROM viewings WHERE owner = 'ada' ORDER BY last_at DESC, title_id LIMIT 100"
        ).scalars()
        assert any("viewings_newest_idx" in line and "Sort" not in line for line in plan)
