"""Refreshes of what POPs hold: each POP comes to its end, whatever happens to it or to the worker on the way."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Engine

from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError, Selection
from domain.cache_refreshes.model import Mode, Scope, TargetState
from domain.cache_refreshes.pops import FillWindow
from store import cache_refreshes, pops
from tests.integration.edge_yard import KIND, FakeEdge, pop_named
from tests.integration.jobs_world import running_lifecycle
from workers.tasks.cache_refreshes import CacheRefresher

PATHS = ("/v1/questions", "/v1/questions/a", "/v1/questions/b")
DONE, DEFERRED, FAILED, QUEUED = TargetState.DONE, TargetState.DEFERRED, TargetState.FAILED, TargetState.QUEUED


@pytest.fixture
def edge(engine: Engine) -> FakeEdge:
    yard = FakeEdge(engine)
    yard.publish(*PATHS)
    return yard


def test_a_fill_is_fetched_and_proven_on_every_pop(edge: FakeEdge) -> None:
    refresh_id = edge.fill(*PATHS)

    assert edge.states(refresh_id) == {"blr1": DONE, "fra1": DONE, "iad1": DONE}
    target = edge.target(refresh_id, "blr1")
    assert (target.removed, target.filled, target.verified, target.bytes, target.attempts) == (0, 3, 3, 30, 1)
    assert set(edge.pops["iad1"].copies) == set(PATHS)
    assert edge.objects("iad1") == dict.fromkeys(PATHS, "verified")


def test_a_soft_refresh_ends_when_the_new_copy_is_held(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    for path in PATHS:
        edge.origin.put(path, '"2"', tags=("questions",))

    refresh_id = edge.refresh(Mode.SOFT, Scope(tags=("questions",)), "fra1")
    edge.work()

    target = edge.target(refresh_id, "fra1")
    assert (target.state, target.removed, target.filled, target.verified) == (DONE, 3, 3, 3)
    assert {copy.etag for copy in edge.pops["fra1"].copies.values()} == {'"2"'}
    assert {copy.etag for copy in edge.pops["blr1"].copies.values()} == {'"1"'}


def test_what_is_purged_hard_is_gone_and_not_filled_again(edge: FakeEdge) -> None:
    edge.fill(*PATHS)

    refresh_id = edge.refresh(Mode.HARD, Scope(tags=("questions:a",), paths=()), "blr1")
    edge.origin.tags["/v1/questions/a"] = ("questions", "questions:a")
    edge.work()
    edge.do(do="verify")

    target = edge.target(refresh_id, "blr1")
    assert (target.state, target.removed, target.filled, target.verified) == (DONE, 1, 0, 1)
    assert set(edge.pops["blr1"].copies) == set(PATHS) - {"/v1/questions/a"}
    assert "/v1/questions/a" not in edge.objects("blr1")


def test_a_takedown_that_a_pop_undoes_is_never_told_as_done(edge: FakeEdge, caplog: pytest.LogCaptureFixture) -> None:
    edge.fill(*PATHS)
    pop = edge.pops["blr1"]
    kept = dict(pop.copies)
    pop.on_call = lambda name: pop.copies.update(kept) if name == "probe" else None

    refresh_id = edge.refresh(Mode.HARD, Scope(tags=("questions",)), "blr1")
    edge.work()

    target = edge.target(refresh_id, "blr1")
    assert (target.state, target.attempts, target.verified) == (TargetState.FAILED, KIND.max_attempts, 0)
    assert edge.objects("blr1") == {}
    [told] = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert told == f"blr1 may still show what was to be dropped (a test): {target.last_error}"


def test_a_takedown_whose_proof_was_interrupted_is_proven_by_the_next_attempt(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    pop = edge.pops["blr1"]

    refresh_id = edge.refresh(Mode.HARD, Scope(tags=("questions",)), "blr1")

    def be_away_at_first(name: str) -> None:
        if name == "probe" and edge.target(refresh_id, "blr1").attempts == 1:
            raise EdgeError("connection refused")

    pop.on_call = be_away_at_first
    edge.work()

    target = edge.target(refresh_id, "blr1")
    assert (target.state, target.attempts, target.removed, target.verified) == (DONE, 2, 3, 3)
    assert edge.objects("blr1") == {}


def test_one_dead_pop_does_not_hold_up_the_others_and_is_gone_back_to(edge: FakeEdge) -> None:
    edge.pops["fra1"].is_away = True

    refresh_id = edge.fill(*PATHS)

    assert edge.states(refresh_id) == {"blr1": DONE, "fra1": DEFERRED, "iad1": DONE}
    target = edge.target(refresh_id, "fra1")
    assert (target.attempts, target.last_error) == (4, "connection refused")
    health = edge.run(pops.health)
    assert (health["fra1"].last_error, health["blr1"].last_error) == ("connection refused", None)

    # While it is away nothing is begun; when it is back, it is, and what was deferred is done.
    assert edge.do(do="reconcile").result == {"pops": 3, "away": ["fra1"], "restarted": 0, "failed": 0}
    assert edge.states(refresh_id)["fra1"] is DEFERRED
    edge.pops["fra1"].is_away = False
    result = edge.do(do="reconcile").result
    assert result is not None
    assert (result["away"], result["restarted"]) == ([], 1)
    assert edge.target(refresh_id, "fra1").state is DONE
    assert edge.target(refresh_id, "fra1").verified == 3
    assert edge.run(pops.health)["fra1"].last_error is None


def test_a_pop_that_dies_in_the_middle_of_a_fill_is_filled_with_the_rest(edge: FakeEdge) -> None:
    paths = [f"/v/1/{number}" for number in range(40)]
    for path in paths:
        edge.origin.put(path)
    pop, calls = edge.pops["blr1"], threading.Semaphore(50)

    def die(name: str) -> None:
        pop.is_away = pop.is_away or not calls.acquire(blocking=False)

    pop.on_call = die
    refresh_id = edge.refresh(Mode.FILL, Scope(paths=tuple(paths)), "blr1")
    edge.work()
    half = edge.target(refresh_id, "blr1")
    pop.on_call, pop.is_away = lambda name: None, False
    edge.do(do="reconcile")

    assert half.state is DEFERRED
    assert 0 < half.filled < 40
    assert edge.target(refresh_id, "blr1").state is DONE
    # One was on its way when the POP died, per thread.
    assert 40 <= len(edge.origin.fetched) <= 48
    assert edge.target(refresh_id, "blr1").verified == 40


def test_a_worker_that_dies_between_purge_and_refetch_is_followed_by_one_that_finishes(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    for path in PATHS:
        edge.origin.put(path, '"2"', tags=("questions",))
    refresh_id = edge.refresh(Mode.SOFT, Scope(tags=("questions",)), "blr1")
    refresher = CacheRefresher(edge.tools)

    class Killed(BaseException):
        pass

    def die_after_the_purge(name: str) -> None:
        if name == "probe":
            raise Killed

    edge.pops["blr1"].on_call = die_after_the_purge
    with pytest.raises(Killed):
        edge.work(refresher)
    edge.pops["blr1"].on_call = lambda name: None
    # What the sweeper does when the lease is over.
    edge.world.execute("UPDATE jobs SET state = 'queued', epoch = epoch + 1, worker = NULL, lease_until = NULL"
                       " WHERE state = 'running' AND kind = 'cache_refreshes'")  # fmt: skip
    edge.work()

    target = edge.target(refresh_id, "blr1")
    assert (target.state, target.attempts, target.removed, target.verified) == (DONE, 2, 3, 3)
    assert edge.pops["blr1"].named("purge") == [Selection(tags=("questions",))]
    assert {copy.etag for copy in edge.pops["blr1"].copies.values()} == {'"2"'}


def test_a_message_that_comes_twice_purges_once(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    refresh_id = edge.refresh(Mode.SOFT, Scope(tags=("questions",)), "blr1")
    job_id = edge.target(refresh_id, "blr1").job_id

    with running_lifecycle(edge.world, CacheRefresher(edge.tools), KIND) as lifecycle:
        lifecycle.run("cache_refreshes", job_id)
        lifecycle.run("cache_refreshes", job_id)

    assert edge.pops["blr1"].named("purge") == [Selection(tags=("questions",))]
    assert edge.target(refresh_id, "blr1").attempts == 1


def test_a_job_whose_target_is_anothers_does_nothing(edge: FakeEdge) -> None:
    refresh_id = edge.refresh(Mode.SOFT, Scope(tags=("questions",)), "blr1")
    edge.submit(do="refresh", refresh=str(refresh_id), pop="blr1")

    edge.work()

    assert len(edge.pops["blr1"].named("purge")) == 1


@pytest.mark.parametrize(("mode", "state"), [(Mode.SOFT, FAILED), (Mode.HARD, DEFERRED)])
def test_a_wrong_key_ends_the_attempts_at_once_and_purges_nothing(
    edge: FakeEdge, mode: Mode, state: TargetState
) -> None:
    edge.fill(*PATHS)
    edge.pops["fra1"].is_locked = True

    refresh_id = edge.refresh(mode, Scope(tags=("questions",)))
    edge.work()

    assert edge.states(refresh_id) == {"blr1": DONE, "fra1": state, "iad1": DONE}
    target = edge.target(refresh_id, "fra1")
    assert (target.attempts, target.removed, target.last_error) == (1, 0, "the POP refuses its key")
    assert set(edge.pops["fra1"].copies) == set(PATHS)
    assert edge.run(pops.health)["fra1"].last_error == "the POP refuses its key"


def test_what_is_taken_down_is_dropped_when_a_wrong_key_is_put_right(edge: FakeEdge) -> None:
    edge.fill(*PATHS)
    edge.pops["fra1"].is_locked = True
    refresh_id = edge.refresh(Mode.HARD, Scope(tags=("questions",)), "fra1")
    edge.work()
    edge.do(do="reconcile")
    assert edge.states(refresh_id) == {"fra1": DEFERRED}

    edge.pops["fra1"].is_locked = False
    edge.do(do="reconcile")

    assert edge.states(refresh_id) == {"fra1": DONE}
    assert (edge.pops["fra1"].copies, edge.objects("fra1")) == ({}, {})


def test_what_a_pop_alone_is_not_asked_for_fails_and_is_not_waited_for(edge: FakeEdge) -> None:
    def refuse(name: str) -> None:
        if name == "purge":
            raise EdgeRefusedError("not a path that a POP is asked for")

    edge.pops["fra1"].on_call = refuse

    refresh_id = edge.refresh(Mode.HARD, Scope(paths=(PATHS[0],)), "fra1")
    edge.work()

    assert edge.states(refresh_id) == {"fra1": FAILED}


def test_a_path_that_the_origin_lacks_fails_a_fill_and_is_not_held(edge: FakeEdge) -> None:
    refresh_id = edge.fill(PATHS[0], "/v1/none")

    target = edge.target(refresh_id, "blr1")
    assert (target.state, target.verified) == (FAILED, 1)
    assert target.last_error == "1 of 2 objects are not there; /v1/none: the origin has none"
    assert edge.objects("blr1") == {PATHS[0]: "verified"}


def test_a_published_set_replaces_the_old_one_on_every_pop(edge: FakeEdge) -> None:
    edge.do(do="set", set="questions", by="system")
    edge.publish("/v1/questions", "/v1/questions/b", "/v1/questions/c", revision="2")
    del edge.origin.objects["/v1/questions/a"]

    edge.do(do="set", set="questions", revision="2" * 64, by="ada")

    assert edge.reasons()[0] == "the questions are published as 222222222222"
    for name, pop in edge.pops.items():
        fresh = {path: copy.etag for path, copy in pop.copies.items() if copy.is_fresh}
        assert fresh == dict.fromkeys(("/v1/questions", "/v1/questions/b", "/v1/questions/c"), '"2"')
        assert edge.objects(name) == dict.fromkeys(fresh, "verified")


def test_a_server_that_still_serves_the_old_set_is_not_believed(edge: FakeEdge) -> None:
    edge.do(do="set", set="questions")
    served = dict(edge.origin.objects)
    edge.publish(*PATHS, revision="2")
    new, edge.origin.objects = edge.origin.objects, dict(served)
    fetches = []

    def swap_later(name: str) -> None:
        if name == "fetch":
            fetches.append(name)
        if len(fetches) == 6:
            edge.origin.objects = new

    edge.pops["blr1"].on_call = swap_later
    edge.do(do="set", set="questions", revision="2")

    assert {copy.etag for copy in edge.pops["blr1"].copies.values()} == {'"2"'}


def test_a_set_waits_once_for_a_pop_that_is_away(edge: FakeEdge) -> None:
    edge.pops["blr1"].is_away = True

    for _ in range(3):
        edge.do(do="set", set="questions")

    waiting = edge.run(cache_refreshes.open_counts)
    assert waiting == [("blr1", "deferred", 1)]
    assert len(edge.reasons()) == 3


def test_a_set_that_is_published_after_a_pop_was_purged_is_purged_again(edge: FakeEdge) -> None:
    edge.do(do="set", set="questions")
    pop = edge.pops["blr1"]

    def break_off(name: str) -> None:
        pop.is_away = name != "purge"

    pop.on_call = break_off
    edge.do(do="set", set="questions", revision="2" * 64, by="ada")
    purges = len(pop.named("purge"))
    pop.on_call = lambda name: setattr(pop, "is_away", False)

    edge.do(do="set", set="questions", revision="3" * 64, by="ada")

    assert len(pop.named("purge")) == purges + 1


def test_a_fill_waits_for_the_window_unless_it_is_wanted_now(edge: FakeEdge) -> None:
    zone = ZoneInfo("Asia/Kolkata")
    opens = (datetime.now(zone) + timedelta(hours=3)).replace(second=0, microsecond=0)
    window = FillWindow(opens.time(), (opens + timedelta(hours=2)).time(), "Asia/Kolkata")
    edge.put(pop_named("blr1", fill_window=window))

    waits = edge.refresh(Mode.FILL, Scope(paths=PATHS[:1]), "blr1")
    edge.work()
    now = edge.refresh(Mode.FILL, Scope(paths=PATHS[1:]), "blr1", is_now=True)
    edge.work()

    target = edge.target(waits, "blr1")
    assert (target.state, target.attempts) == (QUEUED, 0)
    assert edge.waiting() == [opens.astimezone(UTC)]
    assert edge.target(now, "blr1").state is DONE
    assert set(edge.pops["blr1"].copies) == set(PATHS[1:])


def test_a_soft_refresh_does_not_wait_for_a_window(edge: FakeEdge) -> None:
    start = datetime.now(UTC) + timedelta(hours=3)
    window = FillWindow(start.time(), (start + timedelta(hours=1)).time(), "UTC")
    edge.put(pop_named("blr1", fill_window=window))

    refresh_id = edge.refresh(Mode.SOFT, Scope(paths=PATHS), "blr1")
    edge.work()

    assert edge.target(refresh_id, "blr1").state is DONE


def test_a_fill_keeps_to_the_rate_and_is_handed_on(edge: FakeEdge) -> None:
    paths = [f"/v/1/{number}" for number in range(40)]
    for path in paths:
        edge.origin.put(path, size_bytes=1000)
    # A thousand seconds for each object.
    edge.put(pop_named("blr1", max_bytes_per_s=1))

    refresh_id = edge.refresh(Mode.FILL, Scope(paths=tuple(paths)), "blr1")
    edge.work()

    target = edge.target(refresh_id, "blr1")
    assert target.state is QUEUED
    # As many as are under way before the first of them is paid for.
    assert 1 <= target.filled <= 8
    assert target.bytes == 1000 * target.filled
    (due,) = edge.waiting()
    assert 0 <= target.bytes - (due - datetime.now(UTC)).total_seconds() < 60

    # When the bytes are paid for it goes on with the rest.
    edge.world.execute("UPDATE pops SET free_at = now(), max_bytes_per_s = NULL")
    edge.world.execute("UPDATE jobs SET run_at = now() WHERE state = 'queued'")
    edge.work()
    assert edge.target(refresh_id, "blr1").state is DONE
    assert sorted(edge.origin.fetched) == sorted(paths)
