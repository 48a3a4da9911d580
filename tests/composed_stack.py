"""The compose file, started as a project of a test's own; only images are replaced (see ``tests/e2e/compose/``)."""

from __future__ import annotations

import secrets
import shutil
import socket
import subprocess
from pathlib import Path

import pytest
import requests

from cli.engine import BASE_IMAGE, ensure_base_image, is_engine_answering
from config.settings import REPOSITORY, inherit
from domain.cache_refreshes.pops import control_key
from tests.sandboxes import docker, eventually

OVERRIDES = REPOSITORY / "tests" / "e2e" / "compose"
LOCAL_AUTHORITIES = Path("/usr/local/share/ca-certificates")
STEP_TIMEOUT_S = 400
READY_TIMEOUT_S = 120


class ComposedStack:
    """One project: its containers, networks and volumes bear its name, and ``end`` takes all of them away."""

    def __init__(self) -> None:
        self.project = f"yardmaster-test-{secrets.token_hex(4)}"
        self.flower_login = ("yardmaster", secrets.token_hex(8))
        with socket.create_server(("127.0.0.1", 0)) as unused, socket.create_server(("127.0.0.1", 0)) as other:
            address, pop_address = (f"127.0.0.1:{found.getsockname()[1]}" for found in (unused, other))
        self.url, self.pop_url = f"http://{address}", f"http://{pop_address}"
        edge_secret = secrets.token_hex(8)
        self.pop_key = control_key(edge_secret, "local")
        self._environment = inherit(
            {
                "POSTGRES_PASSWORD": secrets.token_hex(8),
                "REDIS_PASSWORD": secrets.token_hex(8),
                "FLOWER_PASSWORD": self.flower_login[1],
                "HTTP_PORT": address,
                "EDGE_SECRET": edge_secret,
                "POP_KEY": self.pop_key,
                "POP_PORT": pop_address,
                # Of its own, as other stacks of this machine have theirs.
                "POP_CONTROL_NETWORK": f"10.{200 + secrets.randbelow(50)}.{secrets.randbelow(256)}.0/24",
                "API_LANGUAGES": "python,c",
                "CODE_SLOTS": "1",
                "RATE_LIMITS": "",
                # The roots that this machine was given beside the usual ones, such as a proxy's.
                "CA_BUNDLE": "".join(path.read_text() for path in sorted(LOCAL_AUTHORITIES.rglob("*.crt"))),
            }
        )
        self._command: list[str] = []

    def start(self, code_workers: int) -> None:
        """Build the images, start everything, and return once programs can run."""
        self._command = [*_compose_command(), "-p", self.project, *_files()]
        # One service of those that share an image.
        self.compose("build", "api", "proxy", "redis", "postgres", "sandbox-engine")
        self.compose("up", "-d", "sandbox-engine")
        eventually(lambda: self.health("sandbox-engine") == ["healthy"], READY_TIMEOUT_S)
        self._give_base_image()
        self.compose("up", "-d", "--scale", f"worker-code={code_workers}")
        eventually(lambda: self._code_slots() == code_workers, READY_TIMEOUT_S)
        eventually(self._is_answering, READY_TIMEOUT_S)

    def end(self) -> None:
        """Stop everything and take it away; idempotent."""
        self.compose("down", "--volumes", "--remove-orphans")

    def compose(self, *arguments: str) -> str:
        """Run a command of docker-compose to its end and return what it printed."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=REPOSITORY,
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=STEP_TIMEOUT_S,
        )
        assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done.stdout

    def execute(self, service: str, *command: str) -> str:
        """Run ``command`` in the container of ``service`` and return what it printed."""
        return self.compose("exec", "-T", service, *command)

    def query(self, statement: str) -> str:
        """Return what the database answers, bare."""
        return self.execute("postgres", "psql", "-U", "yardmaster", "-Atc", statement).strip()

    def containers(self, service: str) -> list[str]:
        """Return the ids of the running containers of ``service``, in the order of their numbers."""
        found = docker(
            "ps", "--quiet", "--filter", f"label=com.docker.compose.project={self.project}",
            "--filter", f"label=com.docker.compose.service={service}",
        )  # fmt: skip
        return sorted(found.split())

    def services(self) -> list[str]:
        """Return the names of all services."""
        return self.compose("config", "--services").split()

    def health(self, service: str) -> list[str]:
        """Return what the health checks of the containers of ``service`` say."""
        form = "{{if .State.Health}}{{.State.Health.Status}}{{end}}"
        return [docker("inspect", "--format", form, container).strip() for container in self.containers(service)]

    def remains(self) -> list[str]:
        """Return the ids of all that the engine still has of this project."""
        label = f"label=com.docker.compose.project={self.project}"
        lists = (("ps", "--all"), ("volume", "ls"), ("network", "ls"))
        return [line for kind in lists for line in docker(*kind, "--quiet", "--filter", label).split()]

    def _give_base_image(self) -> None:
        """Do what a pull would: the engine in the container reaches no registry either."""
        container = self.containers("sandbox-engine")[0]
        with subprocess.Popen(["docker", "save", BASE_IMAGE], stdout=subprocess.PIPE) as save:
            load = ["docker", "exec", "--interactive", container, "docker", "load"]
            subprocess.run(load, stdin=save.stdout, check=True, capture_output=True, timeout=STEP_TIMEOUT_S)

    def _code_slots(self) -> int:
        return int(self.query("SELECT coalesce(sum(slots), 0) FROM workers WHERE 'code_runs' = ANY(queues)"))

    def _is_answering(self) -> bool:
        try:
            return requests.get(f"{self.url}/readyz", timeout=10).status_code == 200
        except requests.ConnectionError:
            return False


def _compose_command() -> list[str]:
    if not is_engine_answering():
        pytest.skip("no Docker engine answers")
    if shutil.which("docker-compose") is not None:
        return ["docker-compose"]
    if subprocess.run(["docker", "compose", "version"], capture_output=True, check=False).returncode != 0:
        pytest.skip("docker-compose is not installed")
    return ["docker", "compose"]


def _files() -> list[str]:
    ensure_base_image(print)
    files = [REPOSITORY / "docker-compose.yml", OVERRIDES / "docker-compose.yml"]
    attempt = ["docker", "run", "--rm", "--privileged", "--network=none", BASE_IMAGE, "true"]
    if subprocess.run(attempt, capture_output=True, check=False).returncode != 0:
        files.append(OVERRIDES / "unprivileged.yml")
    return [part for file in files for part in ("-f", str(file))]
