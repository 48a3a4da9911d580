"""A video that was taken down is dropped by every POP, also where one was just fetching it for a viewer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from sqlalchemy import Engine

from domain.cache_refreshes.edge import Copy
from domain.cache_refreshes.model import Mode
from store import cache_refreshes
from tests.integration.edge_yard import FakeEdge
from tests.integration.placement_town import Town, files_of


def test_what_a_pop_was_fetching_when_it_was_told_to_drop_it_is_dropped_as_well(engine: Engine) -> None:
    edge = FakeEdge(engine, ("ams1",))
    town = Town(edge, lambda path, tags: edge.origin.put(path, tags=(tags,)))
    # Nobody placed it there, so no row says what may be held of it.
    video = town.publish()
    segment = files_of(video, "sd")[-1]

    town.take_down(video)
    edge.work()
    edge.pops["ams1"].copies[segment] = Copy('"1"', 10, is_fresh=True)
    [again_at] = edge.waiting()
    edge.world.execute("UPDATE jobs SET run_at = now() WHERE state = 'queued'")
    edge.work()

    assert timedelta(minutes=1) < again_at - datetime.now(UTC) <= timedelta(minutes=2)
    assert edge.pops["ams1"].copies == {}
    again, first = edge.run(lambda session: cache_refreshes.list_refreshes(session, 10))
    assert (first.by, first.reason, first.mode) == ("ada", "rights", Mode.HARD)
    assert (again.by, again.reason, again.scope) == ("ada", "rights; again, for what was on its way", first.scope)
    assert edge.target(again.id, "ams1").removed == 1
