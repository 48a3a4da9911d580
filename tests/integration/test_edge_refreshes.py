"""Refreshes on real POPs: Varnish, nginx and the embedded one, driven by the real driver, before a real origin."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from adapters.edge import HttpPopDriver
from domain.cache_refreshes.edge import Copy
from domain.cache_refreshes.model import Mode, Scope, TargetState
from domain.cache_refreshes.pops import control_key
from domain.cache_refreshes.refresh import Patience, Wanted
from store import pops
from store.edge_objects import EdgeObject
from tests.edge_origin import TestOrigin, running_origin
from tests.edge_world import awaited
from tests.integration.edge_yard import EdgeYard, pop_named
from tests.pops import KINDS, RunningPop, start_pop
from workers.edge import Drivers

SECRET = "a secret of at least sixteen characters"
LIST = "/v1/questions"
DONE, DEFERRED, FAILED = TargetState.DONE, TargetState.DEFERRED, TargetState.FAILED


class RealEdge(EdgeYard):
    """POPs of every kind before one origin, each with the key that is made of the platform's secret."""

    def __init__(self, engine: Engine, origin: TestOrigin, running: dict[str, RunningPop]) -> None:
        self.origin = origin
        self.running = running
        drivers = Drivers(SECRET)
        described = {name: pop_named(name, control_url=pop.url, url=pop.url) for name, pop in running.items()}
        super().__init__(engine, {name: drivers.drive(pop) for name, pop in described.items()}, Patience(1.5))
        for pop in described.values():
            self.put(pop)

    def publish(self, revision: str, *ids: str) -> list[str]:
        """Let the origin serve a set, and say so; return its paths."""
        paths = [LIST, *(f"{LIST}/{id_}" for id_ in ids)]
        self.sets["questions"] = [
            EdgeObject(
                Wanted(path, self.origin.put(path, f"{path} {revision}".encode(), tags="questions").etag), "questions"
            )
            for path in paths
        ]
        return paths

    def viewed(self, name: str, path: str) -> str:
        """What a viewer gets from a POP."""
        return requests.get(self.running[name].url + path, timeout=10).text


@pytest.fixture(scope="module")
def origin() -> Iterator[TestOrigin]:
    with running_origin() as running:
        yield running


@pytest.fixture(scope="module")
def running_pops(origin: TestOrigin, tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, RunningPop]]:
    folder: Path = tmp_path_factory.mktemp("pops")
    with ExitStack() as stack:
        yield {
            kind: stack.enter_context(start_pop(kind, origin.url, folder, name=kind, key=control_key(SECRET, kind)))
            for kind in KINDS
        }


@pytest.fixture
def edge(engine: Engine, origin: TestOrigin, running_pops: dict[str, RunningPop]) -> Iterator[RealEdge]:
    yard = RealEdge(engine, origin, running_pops)
    yield yard
    origin.objects.clear()
    origin.failing_status = None
    origin.delay_s = 0.0
    for name in running_pops:
        yard.drivers[name].purge(Scope(prefix="/v1/").selection, is_soft=False)
        yard.drivers[name].purge(Scope(paths=(LIST,)).selection, is_soft=False)
    origin.asked.clear()


def test_a_published_set_is_served_by_every_kind_of_pop(edge: RealEdge) -> None:
    edge.publish("1", "a", "b")
    edge.do(do="set", set="questions", revision="1")
    paths = edge.publish("2", "a", "b")
    stale = {name: edge.viewed(name, LIST) for name in KINDS}

    edge.do(do="set", set="questions", revision="2")

    assert set(stale.values()) == {f"{LIST} 1"}
    for name in KINDS:
        assert [edge.viewed(name, path) for path in paths] == [f"{path} 2" for path in paths]
        assert edge.objects(name) == dict.fromkeys(paths, "verified")


def test_a_soft_purge_by_tag_counts_what_it_made_stale(edge: RealEdge) -> None:
    paths = edge.publish("1", "a", "b")
    edge.fill(*paths)
    edge.publish("2", "a", "b")

    refresh_id = edge.refresh(Mode.SOFT, Scope(tags=("questions",)))
    edge.work()

    for name in KINDS:
        target = edge.target(refresh_id, name)
        assert (name, target.state, target.removed, target.verified) == (name, DONE, 3, 3), target.last_error
        assert edge.viewed(name, LIST) == f"{LIST} 2"


def test_a_takedown_leaves_nothing_on_any_pop(edge: RealEdge) -> None:
    edge.origin.put("/v1/questions/x", b"secret", tags="questions questions:x")
    edge.fill("/v1/questions/x")
    del edge.origin.objects["/v1/questions/x"]

    refresh_id = edge.refresh(Mode.HARD, Scope(tags=("questions:x",)))
    edge.work()
    edge.do(do="verify")

    for name in KINDS:
        target = edge.target(refresh_id, name)
        assert (name, target.state, target.removed, target.verified) == (name, DONE, 1, 1)
        assert edge.drivers[name].probe("/v1/questions/x") is None
        assert edge.viewed(name, "/v1/questions/x") == "none\n"


def test_varnish_that_was_restarted_is_empty_and_filled_again_without_being_asked(edge: RealEdge) -> None:
    paths = edge.publish("1", "a", "b")
    edge.do(do="set", set="questions")
    edge.do(do="reconcile")

    edge.running["varnish"].restart()
    is_empty = edge.drivers["varnish"].probe(LIST) is None
    result = edge.do(do="verify", pop="varnish").result

    assert is_empty
    assert result == {"looked_at": 3, "lost": 3}
    asked = dict(edge.origin.asked)
    assert [edge.viewed("varnish", path) for path in paths] == [f"{path} 1" for path in paths]
    assert dict(edge.origin.asked) == asked


def test_a_pop_that_is_down_is_filled_when_it_is_back(edge: RealEdge) -> None:
    paths = edge.publish("1", "a")
    edge.running["varnish"].stop()
    try:
        refresh_id = edge.fill(*paths)
        states = edge.states(refresh_id)
        error = edge.target(refresh_id, "varnish").last_error
        edge.do(do="reconcile")
        still = edge.target(refresh_id, "varnish").state
    finally:
        edge.running["varnish"].start()
    edge.do(do="reconcile")

    assert states == {"varnish": DEFERRED, "nginx": DONE, "embedded": DONE}
    assert error is not None
    assert "Connection refused" in error
    assert still is DEFERRED
    assert edge.target(refresh_id, "varnish").state is DONE
    assert edge.drivers["varnish"].probe(LIST) is not None


@pytest.mark.parametrize("kind", ["varnish", "nginx"])
def test_a_pop_that_dies_in_the_middle_of_a_fill_is_filled_with_the_rest(edge: RealEdge, kind: str) -> None:
    paths = edge.publish("1", *map(str, range(60)))
    edge.origin.delay_s = 0.3
    refresh_id = edge.refresh(Mode.FILL, Scope(paths=tuple(paths)), kind)

    with ThreadPoolExecutor(1) as pool:
        filled = pool.submit(edge.work)
        assert awaited(lambda: edge.origin.asked.total() > 12)
        edge.running[kind].stop()
        filled.result(60)
    half = edge.target(refresh_id, kind)
    edge.origin.delay_s = 0.0
    edge.running[kind].start()
    edge.do(do="reconcile")

    assert half.state is DEFERRED
    assert 0 < half.filled < len(paths)
    whole = edge.target(refresh_id, kind)
    assert (whole.state, whole.verified) == (DONE, len(paths)), whole.last_error
    assert all(edge.drivers[kind].probe(path) is not None for path in paths)
    # What one POP keeps on its disk is not fetched twice; the other was empty.
    if kind == "nginx":
        assert edge.origin.asked.total() < 1.5 * len(paths)


@pytest.mark.parametrize("kind", KINDS)
def test_a_worker_that_dies_between_purge_and_refetch_is_followed_by_one_that_finishes(
    edge: RealEdge, kind: str
) -> None:
    edge.fill(*edge.publish("1", "a"))
    paths = edge.publish("2", "a")
    right = edge.drivers

    class Killed(BaseException):
        pass

    class DiesAfterThePurge(HttpPopDriver):
        def probe(self, path: str) -> Copy | None:
            raise Killed

    edge.drivers = {**right, kind: DiesAfterThePurge(edge.running[kind].url, control_key(SECRET, kind))}
    refresh_id = edge.refresh(Mode.SOFT, Scope(tags=("questions",)), kind)
    with pytest.raises(Killed):
        edge.work()
    left = [right[kind].probe(path) for path in paths]
    edge.drivers = right
    # What the sweeper does when the lease is over.
    edge.world.execute("UPDATE jobs SET state = 'queued', epoch = epoch + 1, worker = NULL, lease_until = NULL"
                       " WHERE state = 'running' AND kind = 'cache_refreshes'")  # fmt: skip
    edge.work()

    assert [copy is not None and copy.is_fresh for copy in left] == [False, False]
    target = edge.target(refresh_id, kind)
    assert (target.state, target.attempts, target.removed, target.verified) == (DONE, 2, 2, 2), target.last_error
    assert [edge.viewed(kind, path) for path in paths] == [f"{path} 2" for path in paths]


@pytest.mark.parametrize("kind", KINDS)
def test_a_wrong_key_purges_nothing_and_says_so(edge: RealEdge, kind: str) -> None:
    paths = edge.publish("1", "a")
    edge.fill(*paths)
    right = edge.drivers
    edge.drivers = {**right, kind: HttpPopDriver(edge.running[kind].url, control_key("another secret", kind))}

    refresh_id = edge.refresh(Mode.HARD, Scope(tags=("questions",)))
    edge.work()
    edge.drivers = right

    states = edge.states(refresh_id)
    assert states == {name: DEFERRED if name == kind else DONE for name in KINDS}
    target = edge.target(refresh_id, kind)
    assert (target.attempts, target.removed) == (1, 0)
    assert target.last_error is not None
    assert "refuses the key" in target.last_error
    assert all(right[kind].probe(path) is not None for path in paths)
    # With the right key it is dropped after all.
    edge.do(do="reconcile")
    assert edge.target(refresh_id, kind).state is DONE
    assert all(right[kind].probe(path) is None for path in paths)


def test_an_origin_that_is_down_leaves_stale_copies_and_a_deferred_target(edge: RealEdge) -> None:
    paths = edge.publish("1", "a")
    edge.do(do="set", set="questions")
    edge.origin.failing_status = 500

    refresh_id = edge.refresh(Mode.SOFT, Scope(set="questions"), "varnish")
    edge.work()
    failed = edge.target(refresh_id, "varnish")
    seen = edge.viewed("varnish", LIST)

    assert failed.state is FAILED
    assert failed.last_error is not None
    assert failed.last_error.startswith("2 of 2 objects are not there; /v1/questions")
    assert seen == f"{LIST} 1"
    edge.origin.failing_status = None
    edge.do(do="verify", pop="varnish")
    assert edge.objects("varnish") == dict.fromkeys(paths, "verified")


def test_counters_come_from_every_kind_of_pop(edge: RealEdge) -> None:
    edge.publish("1", "a")
    edge.fill(LIST)
    # What was filled is a hit for viewers.
    for name in KINDS:
        edge.viewed(name, LIST)

    def counted() -> dict[str, tuple[bool, bool]]:
        edge.do(do="reconcile")
        found = edge.run(pops.traffic)
        return {name: (each.stats.hits > 0, each.stats.objects > 0) for name, each in found.items()}

    # Varnish and nginx count what they write to their logs, a little later.
    assert awaited(lambda: counted() == dict.fromkeys(KINDS, (True, True)))
