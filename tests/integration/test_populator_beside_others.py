"""The populator beside others: it takes rows in their order, and reads no more than it needs."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import pytest
from sqlalchemy import Engine, text

from domain.cache_refreshes.edge import Copy
from domain.cache_refreshes.refresh import Outcome, Result
from store import edge_objects
from tests.integration.content_world import eventually
from tests.integration.edge_yard import FakeEdge, pop_named
from tests.integration.placement_town import Town, files_of

IS_WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture
def edge(engine: Engine) -> FakeEdge:
    return FakeEdge(engine, ("ams1",))


@pytest.fixture
def town(edge: FakeEdge) -> Town:
    return Town(edge, lambda path, tags: edge.origin.put(path, tags=(tags,)))


def seen(path: str) -> Result:
    return Result(path, Outcome.VERIFIED, Copy('"1"', 10, is_fresh=True))


def test_what_failed_and_a_playlist_that_is_there_are_not_taken_in_the_wrong_order(
    edge: FakeEdge, town: Town
) -> None:
    edge.put(pop_named("ams1", capacity_bytes=200))
    earlier, film = town.publish(views=2), town.publish({"sd": 50, "hd": 150}, views=1)
    edge.do(do="populate")
    assert town.held()["ams1"] == {(earlier, "sd"), (film, "sd")}
    failed, playlist = files_of(earlier, "sd")[1], files_of(film)[0]
    assert failed < playlist
    edge.world.execute(f"UPDATE edge_objects SET state = 'failed', failures = 5 WHERE path = '{failed}'")
    edge.put(pop_named("ams1", capacity_bytes=1000))

    with ThreadPoolExecutor(1) as pool:
        with edge.tools.sessions.begin() as verification:
            edge_objects.note_results(verification, "ams1", [seen(failed)], is_look=True)
            populated = pool.submit(edge.do, do="populate")
            eventually(lambda: edge.world.count(IS_WAITING) > 0)
            # It must not be held by whoever waits for the other one: that would be a deadlock.
            verification.execute(
                text("SELECT FROM edge_objects WHERE path = :path FOR UPDATE NOWAIT"), {"path": playlist}
            )
            edge_objects.note_results(verification, "ams1", [seen(playlist)], is_look=True)
        job = populated.result(timeout=30)

    assert (job.state, job.attempt) == ("succeeded", 1)
    assert town.held() == town.placed() == {"ams1": {(earlier, "sd"), (film, "sd"), (film, "hd")}}


def test_whoever_only_carries_out_what_was_decided_reads_no_views(edge: FakeEdge, town: Town) -> None:
    video = town.publish(views=1)
    edge.do(do="populate")
    edge.world.execute("DELETE FROM edge_objects")
    edge.pops["ams1"].copies.clear()
    edge.world.execute("ALTER TABLE video_views RENAME TO put_away")

    job = edge.do(do="populate", which="none")

    assert (job.state, job.attempt) == ("succeeded", 1)
    assert town.held() == {"ams1": {(video, "sd")}}
