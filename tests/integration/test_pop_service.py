"""``yardmaster pop run nginx``: nginx and its agent as one process, as a container has it."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from adapters.edge import HttpPopDriver
from cli.pop.service import OriginWatch
from cli.stack.servers import HOST, free_port
from config.settings import REPOSITORY, inherit
from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError
from tests.edge_origin import TestOrigin
from tests.edge_world import awaited
from tests.pops import KEY

PATH = os.pathsep.join([*os.get_exec_path(), "/usr/sbin"])


class Service:
    """The service, as whoever starts and asks it sees it."""

    def __init__(self, origin: str, folder: Path) -> None:
        listen = f"{HOST}:{free_port()}"
        self.url = f"http://{listen}"
        self._environment = inherit({
            "PATH": PATH, "POP_KEY": KEY, "POP_ORIGIN": origin, "POP_LISTEN": listen, "POP_FOLDER": str(folder),
            "POP_AGENT_PORT": str(free_port()),
        })  # fmt: skip
        self.process = self._command("run", "nginx")

    def is_found_healthy(self) -> bool:
        return self._command("check").wait(20) == 0

    def children(self) -> dict[str, int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return {Path(f"/proc/{pid}/comm").read_text().strip(): int(pid) for pid in listed}

    def is_answering(self) -> bool:
        try:
            return HttpPopDriver(self.url, KEY).stats() is not None
        except (EdgeError, EdgeRefusedError):
            return False

    def _command(self, *arguments: str) -> subprocess.Popen[bytes]:
        argv = [sys.executable, "-m", "cli", "pop", *arguments]
        return subprocess.Popen(argv, cwd=REPOSITORY, env=self._environment, stderr=subprocess.DEVNULL)


@pytest.fixture
def service(edge_origin: TestOrigin, tmp_path: Path) -> Iterator[Service]:
    if shutil.which("nginx", path=PATH) is None:
        pytest.skip("nginx is not installed")
    service = Service(edge_origin.url, tmp_path / "pop")
    try:
        awaited(service.is_answering)
        yield service
    finally:
        service.process.terminate()
        service.process.wait(30)


def test_it_serves_and_is_driven_and_found_healthy(service: Service, edge_origin: TestOrigin) -> None:
    edge_origin.put("/v1/served", b"x")

    driver = HttpPopDriver(service.url, KEY)
    assert driver.fetch("/v1/served") == driver.probe("/v1/served")

    assert requests.get(f"{service.url}/v1/served", timeout=10).headers["X-Cache"] == "HIT"
    assert service.is_found_healthy()


@pytest.mark.parametrize("victim", ["nginx", "agent"])
def test_when_one_ends_so_does_the_other_and_the_next_start_serves_again(
    service: Service, victim: str, edge_origin: TestOrigin, tmp_path: Path
) -> None:
    children = service.children()
    nginx = children.pop("nginx")
    (agent,) = children.values()
    workers = Path(f"/proc/{nginx}/task/{nginx}/children").read_text().split()

    os.kill(nginx if victim == "nginx" else agent, signal.SIGKILL)

    assert service.process.wait(30) == 1
    awaited(lambda: not any(Path(f"/proc/{pid}").exists() for pid in (nginx, agent, *workers)))
    assert not service.is_found_healthy()
    again = Service(edge_origin.url, tmp_path / "pop")
    awaited(again.is_answering)
    again.process.terminate()
    assert again.process.wait(30) == 0


def test_its_configuration_which_holds_the_key_is_private(service: Service, tmp_path: Path) -> None:
    assert (tmp_path / "pop" / "nginx.conf").stat().st_mode & 0o077 == 0


def test_an_origin_that_moved_is_noticed_once_and_one_that_is_away_is_not() -> None:
    answers: list[frozenset[str] | OSError] = [
        frozenset({"10.0.0.1"}), frozenset({"10.0.0.1"}), OSError(), frozenset({"10.0.0.2"}), frozenset({"10.0.0.2"}),
    ]  # fmt: skip

    def look_up(host: str) -> frozenset[str]:
        answer = answers.pop(0)
        if isinstance(answer, OSError):
            raise answer
        return answer

    watch = OriginWatch("api", look_up)

    assert [watch.has_moved() for _ in range(4)] == [False, False, True, False]
