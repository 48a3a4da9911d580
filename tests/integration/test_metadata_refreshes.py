"""The daily refresh of what is cached of users."""

from __future__ import annotations

from datetime import timedelta

import pytest
import redis

from adapters.viewing_cache import PREFIX
from domain.viewings.model import Source
from jobs import schedules
from store.db import transactions
from tests.integration.edge_yard import KIND, FakeEdge
from tests.integration.test_viewings import Shelf
from workers.metadata_cache import ACTIVE_DAYS, MetadataRefresher
from workers.tasks.cache_refreshes import CacheRefresher


class Yard(Shelf):
    """Viewings, their cache, and a worker that refreshes it page by page."""

    def __init__(self, engine, redis_url):
        super().__init__(engine, redis_url)
        self.edge = FakeEdge(engine, ())
        self.here = self.cache()
        self.refresher = MetadataRefresher(transactions(engine), self.here, page=2)

    def refresh(self):
        job = self.edge.submit(do="metadata")
        self.edge.work(CacheRefresher(self.edge.tools, self.refresher))
        return self.edge.world.get(job.id)


@pytest.fixture
def yard(engine, redis_url):
    made = Yard(engine, redis_url)
    yield made
    made.stack.close()


def test_the_lists_of_all_who_are_active_are_made_anew(yard):
    for owner in ("ada", "bob", "cyd", "dan", "eve"):
        yard.record(owner)
    yard.edge.world.execute(
        "UPDATE viewings SET first_at = first_at - interval '30 days',"
        " last_at = last_at - make_interval(days => %s, hours => 1) WHERE owner = 'dan'",
        ACTIVE_DAYS,
    )
    yard.get(yard.here, "ada")
    yard.get(yard.here, "bob")
    # A server was killed before it could tell the cache.
    yard.record("bob")
    assert yard.get(yard.here, "bob") == ([("film", 1)], Source.CACHE)

    job = yard.refresh()

    assert job.result == {"owners": 4, "right": 1, "stale": 1, "added": 2, "busy": 0}
    assert yard.get(yard.here, "bob") == ([("film", 2)], Source.CACHE)
    assert yard.get(yard.here, "eve") == ([("film", 1)], Source.CACHE)
    assert yard.get(yard.here, "dan") == ([("film", 1)], Source.DATABASE)
    assert yard.refresh().result == {"owners": 4, "right": 4, "stale": 0, "added": 0, "busy": 0}


def test_who_plays_during_the_refresh_is_not_given_the_older_list(yard):
    server = yard.cache()
    yard.record("ada")
    yard.record("bob")

    def read_and_be_overtaken(owners):
        found = {owner: yard.newest(owner) for owner in owners}
        with server.changing("ada"):
            yard.record("ada")
        return found

    with server.changing("bob"):
        counted = yard.here.refresh(["ada", "bob"], read_and_be_overtaken)

    assert (counted.added, counted.busy) == (0, 2)
    assert yard.get(server, "ada") == ([("film", 2)], Source.DATABASE)
    with redis.Redis.from_url(yard.redis_url) as client:
        assert client.exists(f"{PREFIX}bob") == 0


def test_a_refresh_that_meets_no_redis_is_tried_again(yard, engine):
    yard.record("ada")
    yard.redis_url = "redis://127.0.0.1:1/0"
    yard.refresher = MetadataRefresher(transactions(engine), yard.cache())

    job = yard.refresh()

    assert (job.state, job.attempt) == ("failed", KIND.max_attempts)
    assert "Redis" in job.error["message"]


def test_it_is_done_every_day_and_missed_days_are_caught_up_once(yard, engine):
    by_name = {schedule.name: (schedule.every, schedule.payload) for schedule in schedules.SCHEDULES}
    assert by_name["metadata_refresh"] == (timedelta(days=1), {"do": "metadata"})
    assert by_name["titles_refresh"][0] == by_name["edge_titles"][0] == timedelta(days=1)
    assert by_name["questions_refresh"][0] == by_name["edge_questions"][0] == timedelta(minutes=30)
    daily = [schedule for schedule in schedules.SCHEDULES if schedule.name == "metadata_refresh"]
    schedules.install(engine, daily)
    yard.edge.world.execute("UPDATE schedules SET next_at = now() - interval '5 days'")

    fired = [schedules.tick(engine), schedules.tick(engine)]
    yard.edge.work(CacheRefresher(yard.edge.tools, yard.refresher))

    assert fired == [1, 0]
    assert (
        yard.edge.world.count("SELECT count(*) FROM jobs WHERE state = 'succeeded' AND payload ->> 'do' = 'metadata'")
        == 1
    )
