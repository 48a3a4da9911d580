"""POPs without room: a full disk, storage that is too small for an object, or for all of them.

Viewers are served in full all the same, and whoever fills is told what is not kept.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Engine

from domain.cache_refreshes.edge import EdgeError
from domain.cache_refreshes.model import Mode, Scope, TargetState
from domain.cache_refreshes.refresh import Patience
from tests.edge_origin import TestOrigin
from tests.edge_world import awaited
from tests.integration.edge_yard import EdgeYard
from tests.pops import KINDS, RunningPop, start_pop

MEBIBYTE = 2**20
IN_MEMORY = ("varnish", "embedded")
SMALL, LARGE = "/v1/disk/small", "/v1/disk/large"


def yard_of(engine: Engine, pop: RunningPop) -> EdgeYard:
    return EdgeYard(engine, {"pop": pop.driver}, Patience(0.5))


@contextmanager
def small_disk(folder: Path, size: str) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk")
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def fill_up(folder: Path) -> None:
    with (folder / "filler").open("wb", buffering=0) as filler:
        try:
            while True:
                filler.write(b"x" * 4096)
        except OSError:
            return


def test_nginx_on_a_full_disk_serves_on_and_a_fill_says_that_it_is_not_kept(
    edge_origin: TestOrigin, tmp_path: Path
) -> None:
    edge_origin.put("/v1/disk/a", b"x" * 300_000)
    edge_origin.put("/v1/disk/b", b"x" * 300_000)
    with (
        small_disk(tmp_path / "disk", "8m") as disk,
        start_pop("nginx", edge_origin.url, tmp_path, folder=disk / "pop", capacity_bytes=6 * MEBIBYTE) as pop,
    ):
        pop.driver.fetch("/v1/disk/a")
        fill_up(disk)
        awaited((disk / "pop" / "disk_is_full").exists)

        body = pop.ask("/v1/disk/b").body
        with pytest.raises(EdgeError, match="did not keep"):
            pop.driver.fetch("/v1/disk/b")
        (disk / "filler").unlink()
        awaited(lambda: not (disk / "pop" / "disk_is_full").exists())

        assert len(body) == 300_000
        assert pop.driver.fetch("/v1/disk/b") == pop.driver.probe("/v1/disk/b")


def test_nginx_writes_nothing_that_the_disk_has_no_room_for(edge_origin: TestOrigin, tmp_path: Path) -> None:
    edge_origin.put(LARGE, b"x" * 24 * MEBIBYTE)
    with (
        small_disk(tmp_path / "disk", "8m") as disk,
        start_pop("nginx", edge_origin.url, tmp_path, folder=disk / "pop", capacity_bytes=4 * MEBIBYTE) as pop,
    ):
        host, _, port = pop.settings.listen.rpartition(":")
        with socket.create_connection((host, int(port)), timeout=20) as viewer:
            viewer.sendall(f"GET {LARGE} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
            received = len(viewer.recv(1 << 16))
            # Slower than the origin, which could send all of it meanwhile.
            time.sleep(1.0)
            while piece := viewer.recv(1 << 20):
                received += len(piece)

        assert received > 24 * MEBIBYTE


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_what_keeps_copies_in_memory_goes_on_with_a_full_disk(
    kind: str, engine: Engine, edge_origin: TestOrigin, tmp_path: Path
) -> None:
    paths = [f"/v1/full/{number}" for number in range(3)]
    for path in paths:
        edge_origin.put(path, b"x" * MEBIBYTE)
    # Varnish's log has its place on the disk from the start.
    with (
        small_disk(tmp_path / "disk", "128m") as disk,
        start_pop(kind, edge_origin.url, tmp_path, folder=disk / "pop") as pop,
    ):
        fill_up(disk)

        yard = yard_of(engine, pop)
        refresh_id = yard.fill(*paths)

        assert yard.target(refresh_id, "pop").state is TargetState.DONE
        for path in paths:
            answer = pop.ask(path)
            assert (len(answer.body), answer.headers["x-cache"]) == (MEBIBYTE, "HIT")


@pytest.mark.parametrize("kind", KINDS)
def test_an_object_larger_than_all_room_is_served_whole_and_its_fill_fails_saying_so(
    kind: str, engine: Engine, edge_origin: TestOrigin, tmp_path: Path
) -> None:
    edge_origin.put(LARGE, b"x" * 6 * MEBIBYTE)
    edge_origin.put(SMALL, b"y" * 1000)
    with start_pop(kind, edge_origin.url, tmp_path, capacity_bytes=4 * MEBIBYTE) as pop:
        yard = yard_of(engine, pop)
        refresh_id = yard.fill(SMALL, LARGE)

        target = yard.target(refresh_id, "pop")
        bodies = [pop.ask(LARGE).body for _ in range(2)]

        assert (target.state, target.verified) == (TargetState.FAILED, 1)
        assert target.last_error is not None
        assert f"the POP did not keep {LARGE}" in target.last_error
        assert bodies == [b"x" * 6 * MEBIBYTE] * 2
        assert pop.driver.probe(LARGE) is None
        assert pop.ask(SMALL).headers["x-cache"] == "HIT"


def test_varnish_gives_up_any_number_of_copies_for_one(edge_origin: TestOrigin, tmp_path: Path) -> None:
    small = [f"/v1/many/{number}" for number in range(1500)]
    for path in small:
        edge_origin.put(path, b"x" * 4096)
    edge_origin.put(LARGE, b"x" * 5 * MEBIBYTE)
    with start_pop("varnish", edge_origin.url, tmp_path, capacity_bytes=8 * MEBIBYTE) as pop:
        driver = pop.driver
        for path in small:
            driver.fetch(path)

        body = pop.ask(LARGE).body

        assert len(body) == 5 * MEBIBYTE
        assert driver.probe(LARGE) is not None
        assert driver.probe(small[0]) is None


@pytest.mark.parametrize("kind", IN_MEMORY)
def test_a_pop_too_small_for_all_serves_all_tells_what_it_lost_and_recovers_with_less(
    kind: str, engine: Engine, edge_origin: TestOrigin, tmp_path: Path
) -> None:
    paths = [f"/v1/{'kept' if number < 2 else 'surplus'}/{number}" for number in range(8)]
    for path in paths:
        edge_origin.put(path, path.encode() * (MEBIBYTE // len(path)))
    with start_pop(kind, edge_origin.url, tmp_path, capacity_bytes=4 * MEBIBYTE) as pop:
        yard = yard_of(engine, pop)
        yard.fill(*paths)
        held = sum(pop.driver.probe(path) is not None for path in paths)
        found = yard.do(do="verify", pop="pop").result

        bodies = [pop.ask(path).body for path in paths]
        yard.refresh(Mode.HARD, Scope(prefix="/v1/surplus/"))
        yard.work()
        yard.fill(*paths[:2])

        assert 0 < held < len(paths)
        assert found == {"looked_at": len(paths), "lost": len(paths) - held}
        assert bodies == [edge_origin.objects[path].body for path in paths]
        assert yard.do(do="verify", pop="pop").result == {"looked_at": 2, "lost": 0}
