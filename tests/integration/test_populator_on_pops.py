"""The populator with real POPs: nginx and Varnish, before a real origin."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.cache_refreshes.pops import control_key
from domain.cache_refreshes.refresh import Patience
from tests.edge_origin import TestOrigin, running_origin
from tests.integration.edge_yard import EdgeYard, pop_named
from tests.integration.placement_town import Town, files_of
from tests.pops import RunningPop, start_pop
from workers.edge import Drivers

SECRET = "a secret of at least sixteen characters"
KINDS = ("nginx", "varnish")


@pytest.fixture
def origin() -> Iterator[TestOrigin]:
    with running_origin() as running:
        yield running


@pytest.fixture
def running(origin: TestOrigin, tmp_path: Path) -> Iterator[dict[str, RunningPop]]:
    first, second = (
        start_pop(kind, origin.url, tmp_path, name=kind, key=control_key(SECRET, kind)) for kind in KINDS
    )
    with first as nginx, second as varnish:
        yield {"nginx": nginx, "varnish": varnish}


@pytest.fixture
def yard(engine: Engine, running: dict[str, RunningPop]) -> EdgeYard:
    """Both POPs have room for two videos of 100 bytes."""
    described = [
        pop_named(name, url=pop.url, control_url=pop.url, driver=name, capacity_bytes=200)
        for name, pop in running.items()
    ]
    drivers = Drivers(SECRET)
    built = EdgeYard(engine, {pop.name: drivers.drive(pop) for pop in described}, Patience(1.5))
    for pop in described:
        built.put(pop)
    return built


def test_what_is_viewed_most_fills_real_pops_and_goes_when_it_is_not(
    yard: EdgeYard, origin: TestOrigin, running: dict[str, RunningPop]
) -> None:
    town = Town(yard, lambda path, tags: origin.put(path, path.encode(), tags=tags))
    videos = [town.publish(views=1000 - 100 * rank) for rank in range(6)]

    yard.do(do="populate")
    first = town.placed()
    assert town.held() == first
    assert {video for held in first.values() for video, _ in held} == set(videos[:4])

    # The sixth is wanted by all now, and the fourth by few.
    town.view(videos[5], 2000)
    yard.do(do="populate")
    asked = dict(origin.asked)
    yard.do(do="populate")

    second = town.placed()
    assert town.held() == second
    assert {video for held in second.values() for video, _ in held} == {*videos[:3], videos[5]}
    for name in KINDS:
        for video in videos:
            copies = [yard.drivers[name].probe(path) for path in files_of(video, "sd")]
            is_placed = (video, "sd") in second[name]
            assert [copy is not None and copy.is_fresh for copy in copies] == [is_placed] * 3
    assert dict(origin.asked) == asked


def test_a_pop_that_was_down_is_given_what_is_placed_there_when_it_is_back(
    yard: EdgeYard, origin: TestOrigin, running: dict[str, RunningPop]
) -> None:
    town = Town(yard, lambda path, tags: origin.put(path, path.encode(), tags=tags))
    for views in (40, 30, 20, 10):
        town.publish(views=views)
    running["varnish"].stop()

    yard.do(do="populate")
    without = town.held()
    running["varnish"].start()
    yard.do(do="reconcile")

    assert without == {"nginx": town.placed()["nginx"], "varnish": set()}
    assert town.held() == town.placed()
