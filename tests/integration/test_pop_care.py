"""POPs are looked after without being asked: they are given what they lost or missed, and their counters are kept."""

from __future__ import annotations

import threading
from contextlib import suppress

import pytest
from sqlalchemy import Engine

from domain.cache_refreshes.model import Mode, Scope, TargetState
from store import pops
from tests.integration.edge_yard import KIND, FakeEdge, pop_named
from tests.integration.jobs_world import running_lifecycle
from workers.tasks.cache_refreshes import CacheRefresher

PATHS = ("/v1/questions", "/v1/questions/a", "/v1/questions/b")
DONE, DEFERRED, FAILED = TargetState.DONE, TargetState.DEFERRED, TargetState.FAILED


@pytest.fixture
def edge(engine: Engine) -> FakeEdge:
    yard = FakeEdge(engine)
    yard.publish(*PATHS)
    return yard


def test_a_pop_that_was_restarted_empty_is_filled_without_being_asked(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    edge.pops["iad1"].restart()

    result = edge.do(do="verify", pop="iad1").result

    assert result == {"looked_at": 3, "lost": 3}
    assert edge.reasons()[0] == "verification found 3 objects gone or changed"
    assert set(edge.pops["iad1"].copies) == set(PATHS)
    assert edge.objects("iad1") == dict.fromkeys(PATHS, "verified")


def test_a_restart_is_seen_by_the_counters_and_verified_at_once(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    edge.do(do="reconcile")
    edge.pops["iad1"].restart()

    edge.do(do="reconcile")

    assert set(edge.pops["iad1"].copies) == set(PATHS)


def test_a_cache_that_was_emptied_under_its_counters_is_verified_at_once(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    edge.do(do="reconcile")
    edge.pops["iad1"].copies.clear()

    edge.do(do="reconcile")

    assert set(edge.pops["iad1"].copies) == set(PATHS)


def test_what_has_another_etag_than_it_should_is_replaced(edge: FakeEdge) -> None:
    edge.hold("blr1", *PATHS, etag='"1"')
    edge.refresh(Mode.FILL, Scope(lacking="all"), "blr1")
    edge.work()
    edge.origin.put(PATHS[1], '"old"', tags=("questions",))
    edge.pops["blr1"].restart()
    edge.pops["blr1"].fetch(PATHS[1])
    edge.origin.put(PATHS[1], '"1"', tags=("questions",))

    edge.do(do="verify")

    assert {copy.etag for copy in edge.pops["blr1"].copies.values()} == {'"1"'}


def test_two_verifications_at_once_begin_one_fill(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    edge.pops["blr1"].restart()
    both = threading.Barrier(2, timeout=10)
    edge.pops["blr1"].on_call = lambda name: _meet(both) if name == "probe" else None
    jobs = [edge.submit(do="verify", pop="blr1") for _ in range(2)]
    refresher = CacheRefresher(edge.tools)

    with running_lifecycle(edge.world, refresher, KIND) as lifecycle:
        threads = [threading.Thread(target=lifecycle.run, args=("cache_refreshes", job.id)) for job in jobs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    edge.pops["blr1"].on_call = lambda name: None
    edge.work()

    assert [edge.world.get(job.id).result for job in jobs] == [{"looked_at": 3, "lost": 3}] * 2
    assert edge.objects("blr1") == dict.fromkeys(PATHS, "verified")
    # Both may have begun one, at exactly the same time; even then nothing is fetched twice.
    assert len(edge.origin.fetched) == 12


def test_an_object_that_can_never_be_had_is_left_alone_in_the_end(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    edge.pops["blr1"].unkept.add(PATHS[0])
    edge.pops["blr1"].restart()

    for _ in range(7):
        edge.do(do="verify", pop="blr1")

    assert edge.objects("blr1")[PATHS[0]] == "failed"
    refreshes = len(edge.reasons())
    edge.do(do="verify", pop="blr1")
    assert len(edge.reasons()) == refreshes


def test_what_no_job_works_on_any_more_is_failed_by_name(edge: FakeEdge) -> None:
    refresh_id = edge.refresh(Mode.SOFT, Scope(paths=PATHS), "blr1", "fra1")
    blr, fra = (edge.target(refresh_id, name).job_id for name in ("blr1", "fra1"))
    edge.world.execute("UPDATE jobs SET state = 'cancelled', finished_at = now() WHERE id = %s", blr)
    edge.world.execute("DELETE FROM jobs WHERE id = %s", fra)

    edge.do(do="reconcile")

    assert edge.target(refresh_id, "blr1").last_error == "its job was cancelled"
    assert edge.target(refresh_id, "fra1").last_error == "its job is gone"
    assert set(edge.states(refresh_id).values()) == {FAILED}


def test_what_waits_for_a_pop_that_was_removed_is_failed(edge: FakeEdge) -> None:
    edge.pops["blr1"].is_away = True
    refresh_id = edge.refresh(Mode.SOFT, Scope(paths=PATHS), "blr1")
    edge.work()

    edge.run(lambda session: pops.delete_pop(session, "blr1"))
    edge.do(do="reconcile")

    assert edge.target(refresh_id, "blr1").state is FAILED
    assert edge.target(refresh_id, "blr1").last_error == "the POP was removed"


def test_a_pop_that_is_switched_off_is_left_alone_until_it_is_on_again(edge: FakeEdge) -> None:
    edge.put(pop_named("blr1", is_enabled=False))
    refresh_id = edge.refresh(Mode.SOFT, Scope(paths=PATHS), "blr1")
    edge.work()
    edge.do(do="reconcile")
    state = edge.target(refresh_id, "blr1").state

    edge.put(pop_named("blr1"))
    edge.do(do="reconcile")

    assert state is DEFERRED
    assert edge.target(refresh_id, "blr1").state is DONE


def test_counters_are_kept_and_a_ratio_survives_a_restart(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    edge.do(do="reconcile")
    for _ in range(6):
        edge.pops["blr1"].fetch(PATHS[0])
    edge.world.execute("UPDATE pop_stats SET at = at - interval '1 minute'")
    edge.do(do="reconcile")

    traffic = edge.run(pops.traffic)["blr1"]

    assert (traffic.stats.hits, traffic.stats.misses, traffic.stats.objects) == (6, 3, 3)
    assert traffic.hit_ratio == 1.0
    edge.pops["blr1"].restart()
    edge.pops["blr1"].fetch(PATHS[0])
    edge.world.execute("UPDATE pop_stats SET at = at - interval '1 minute'")
    edge.do(do="reconcile")
    assert edge.run(pops.traffic)["blr1"].hit_ratio == pytest.approx(6 / 7)


def _meet(barrier: threading.Barrier) -> None:
    with suppress(threading.BrokenBarrierError):
        barrier.wait(0.2)
