"""A POP of each kind, one after another, before an origin: the fixture ``edge``."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import pytest

from adapters.edge import HttpPopDriver
from domain.cache_refreshes.edge import Copy
from tests.edge_origin import TestOrigin, running_origin
from tests.pops import KINDS, Answer, RunningPop, start_pop

Found = TypeVar("Found")
_numbers = itertools.count()


@dataclass
class EdgeWorld:
    """A POP, its origin, and a folder of a test's own at both."""

    pop: RunningPop
    origin: TestOrigin
    folder: str

    @property
    def driver(self) -> HttpPopDriver:
        return self.pop.driver

    def put(self, name: str, body: bytes = b"x" * 5000, tags: str = "") -> str:
        path = self.folder + name
        self.origin.put(path, body, tags=tags)
        return path

    def tag(self, word: str) -> str:
        return f"{word}:{self.folder.strip('/').replace('/', '-')}"

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        """Ask as a viewer does; the path is sent as it is."""
        return self.pop.ask(path, method, headers)

    def fresh(self, path: str) -> Copy:
        """Wait until the POP holds a fresh copy, and return it."""
        return awaited(lambda: copy if (copy := self.driver.probe(path)) and copy.is_fresh else None)


def awaited(find: Callable[[], Found | None]) -> Found:
    """Call ``find`` until it finds something, and return that."""
    deadline = time.monotonic() + 10
    while not (found := find()):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return found


@pytest.fixture(scope="module")
def edge_origin() -> Iterator[TestOrigin]:
    with running_origin() as origin:
        yield origin


@pytest.fixture(scope="module", params=KINDS)
def edge_pop(
    request: pytest.FixtureRequest, edge_origin: TestOrigin, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningPop]:
    with start_pop(request.param, edge_origin.url, tmp_path_factory.mktemp("pop")) as pop:
        yield pop


@pytest.fixture
def edge(edge_pop: RunningPop, edge_origin: TestOrigin) -> Iterator[EdgeWorld]:
    edge_origin.failing_status, edge_origin.delay_s = None, 0.0
    yield EdgeWorld(edge_pop, edge_origin, f"/v1/c{next(_numbers)}/")
    edge_origin.failing_status, edge_origin.delay_s = None, 0.0
