"""Real points of presence for tests: Varnish with its agent, nginx with its agent, and the embedded one.

``with start_pop("nginx", origin.url, folder) as pop:`` runs one on loopback; ``pop.driver`` drives it, viewers ask
``pop.url``. What runs in it ends with the block. A server that is not installed skips the test, at home.
"""

from __future__ import annotations

import http.client
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from adapters.edge import HttpPopDriver
from cli.pop.configs import VARNISH_LOG, VARNISH_NUKE_LIMIT, render
from cli.stack.servers import HOST, free_port
from config.settings import REPOSITORY, PopSettings, inherit

KINDS = ("varnish", "nginx", "embedded")
KEY = "0123456789abcdef0123456789abcdef"
_START_TIMEOUT_S = 30.0
# Administrators' programs are not in everybody's PATH.
_PATH = os.pathsep.join([*os.get_exec_path(), "/usr/local/sbin", "/usr/sbin", "/sbin"])
_PROGRAMS = {"varnish": ("varnishd", "varnishncsa", "varnishstat"), "nginx": ("nginx",), "embedded": ()}


@dataclass
class Answer:
    """What a viewer was answered; names of headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass
class RunningPop:
    """A POP of a test's own."""

    kind: str
    settings: PopSettings
    min_free: str = "1m"
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def url(self) -> str:
        return f"http://{self.settings.listen}"

    @property
    def driver(self) -> HttpPopDriver:
        """A new driver, which closes its connections when nobody holds it any more."""
        return HttpPopDriver(self.url, self.key)

    def ask(self, path: str, method: str = "GET", headers: dict[str, str] | None = None) -> Answer:
        """Ask as a viewer does; the path is sent as it is."""
        connection = http.client.HTTPConnection(self.settings.listen, timeout=30)
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        body = answer.read()
        connection.close()
        return Answer(answer.status, {name.lower(): value for name, value in answer.getheaders()}, body)

    def start(self) -> None:
        """Start it, on the same port and folder as before."""
        starts = {"varnish": self._start_varnish, "nginx": self._start_nginx, "embedded": self._start_embedded}
        starts[self.kind]()
        _wait_for(self.processes, int(self.settings.listen.rpartition(":")[2]))
        if self.kind != "embedded":
            _wait_for(self.processes, self.settings.agent_port)

    def stop(self) -> None:
        """End it as a crash would, and its agent with it; idempotent."""
        for process in self.processes:
            process.terminate()
        for process in self.processes:
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.processes.clear()

    def restart(self) -> None:
        """Stop and start it."""
        self.stop()
        self.start()

    def _start_varnish(self) -> None:
        config = self.settings.folder.parent / f"{self.name}.vcl"
        config.write_text(render("varnish", self.settings))
        mebibytes = max(1, self.settings.capacity_bytes // 2**20)
        self._run([_program("varnishd"), "-F", "-j", "none", "-T", "none", "-n", str(self.settings.folder),
                   "-a", self.settings.listen, "-f", str(config), "-s", f"memory=malloc,{mebibytes}m",
                   "-s", "Transient=malloc,64m", "-p", f"nuke_limit={VARNISH_NUKE_LIMIT}",
                   "-p", f"vsl_mask={VARNISH_LOG}"])  # fmt: skip
        _wait_for(self.processes, int(self.settings.listen.rpartition(":")[2]))
        self._run_yardmaster("agent", "varnish")

    def _start_nginx(self) -> None:
        config = self.settings.folder / "nginx.conf"
        (self.settings.folder / "tmp").mkdir(exist_ok=True)
        (self.settings.folder / "origin.sock").unlink(missing_ok=True)
        config.write_text(render("nginx", self.settings, self.min_free))
        # Its workers would become another user, to whom a test's folder is closed.
        user = "user root; " if os.geteuid() == 0 else ""
        self._run([_program("nginx"), "-c", str(config), "-g", f"{user}daemon off;"])
        self._run_yardmaster("agent", "nginx")

    def _start_embedded(self) -> None:
        self._run_yardmaster("serve")

    def _run_yardmaster(self, *arguments: str) -> None:
        self._run([sys.executable, "-m", "cli", "pop", *arguments])

    def _run(self, argv: list[str]) -> None:
        environment = inherit({
            "PATH": _PATH,
            "POP_NAME": self.name, "POP_KEY": self.key, "POP_ORIGIN": self.settings.origin,
            "POP_LISTEN": self.settings.listen, "POP_AGENT_PORT": str(self.settings.agent_port),
            "POP_CONTROL_NETWORKS": ",".join(self.settings.control_networks),
            "POP_FOLDER": str(self.settings.folder), "POP_CAPACITY_BYTES": str(self.settings.capacity_bytes),
        })  # fmt: skip
        with (self.settings.folder.parent / f"{self.name}.log").open("ab") as log:
            self.processes.append(
                subprocess.Popen(
                    argv, cwd=REPOSITORY, env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
                )
            )


@contextmanager
def start_pop(kind: str, origin: str, within: Path, /, **changes: object) -> Iterator[RunningPop]:
    """Run a POP of ``kind`` (one of ``KINDS``) that fetches from ``origin``; ``changes`` are of its settings."""
    for program in _PROGRAMS[kind]:
        if shutil.which(program, path=_PATH) is None:
            pytest.skip(f"{program} is not installed")
    settings = PopSettings(
        name=f"test-{kind}", key=KEY, origin=origin, listen=f"{HOST}:{free_port()}", agent_port=free_port(),
        control_networks=(f"{HOST}/32",), folder=within / f"pop-{kind}", capacity_bytes=64 * 2**20,
    )  # fmt: skip
    pop = RunningPop(kind, replace(settings, **changes))  # type: ignore[arg-type]  # Settings of many types.
    pop.settings.folder.mkdir(parents=True, exist_ok=True)
    try:
        pop.start()
        yield pop
    finally:
        pop.stop()


def _program(name: str) -> str:
    found = shutil.which(name, path=_PATH)
    assert found is not None
    return found


def _wait_for(processes: list[subprocess.Popen[bytes]], port: int) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        with socket.socket() as probe:
            if probe.connect_ex((HOST, port)) == 0:
                return
        ended = [process.args for process in processes if process.poll() is not None]
        assert not ended, f"ended at once: {ended}"
        assert time.monotonic() < deadline, f"nothing listens on port {port}"
        time.sleep(0.05)
