"""The only door to the Docker SDK: make, find and remove containers."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import docker
import docker.errors
import requests

from adapters.box import Box
from adapters.docker_sandbox.options import AGENT_COMMAND, BoxSize, host_config, read_seccomp_profile
from adapters.docker_sandbox.stream import AttachedStream
from adapters.docker_sandbox.tls import EngineAdapter
from adapters.sandbox_protocol import AgentChannel, agent_fingerprint
from domain.code_runs.sandbox import SandboxError

LABEL = "yardmaster.sandbox"
OWNER_LABEL = "yardmaster.owner"
CREATED_LABEL = "yardmaster.created_at"

_CALL_S = 30
_OLDEST_API = "1.41"
_HELLO_S = 30.0
_POOLS = 32


class NoEngineError(SandboxError):
    """No engine can be reached: nobody listens at its address."""


@dataclass(frozen=True, slots=True)
class DockerOptions:
    """Where the engine is: ``docker_host`` as in DOCKER_HOST, ``None`` for the local socket.

    ``images_dir`` is ``sandbox_images/``; ``runtime`` names another than the engine's own, such as ``runsc``.
    ``cert_folder`` holds ``ca.pem``, ``cert.pem`` and ``key.pem`` for an engine that is reached over TLS.
    """

    images_dir: Path
    docker_host: str | None = None
    runtime: str | None = None
    cpus: float = 2.0
    cert_folder: Path | None = None


class Engine:
    """A Docker engine that makes boxes for one owner (a worker process)."""

    def __init__(self, options: DockerOptions, owner: str) -> None:
        self._options = options
        self._owner = owner
        self._agent_folder = options.images_dir / "agent"
        self._lock = threading.Lock()
        self._client: docker.APIClient | None = None
        self._host_cpus = 1

    def make(self, image: str, size: BoxSize) -> Box:
        """Start a container and return it once its agent has answered.

        Raises:
            SandboxError: the engine is away, the image is missing, or it holds another version of the agent.
        """
        with _as_sandbox_error(f"a container of {image} could not be made"):
            container = self._create(image, size)
            with ExitStack() as undo:
                undo.callback(self.remove, container)
                stream = self._attach(container)
                undo.callback(stream.close)
                channel = AgentChannel(stream)
                self._engine().start(container)
                self._check(image, channel.greet(_HELLO_S))
                undo.pop_all()
        return Box(image, channel, lambda: self._remove_box(container, stream))

    def owned(self) -> list[tuple[str, dict[str, str]]]:
        """Return id and labels of every sandbox container on this engine, whoever made it."""
        with _as_sandbox_error("the containers could not be listed"):
            found = self._engine().containers(all=True, filters={"label": LABEL})
            return [(str(container["Id"]), dict(container["Labels"])) for container in found]

    def remove(self, container: str) -> None:
        """Kill and remove a container; it may be gone already, or the engine may: then the reaper will come by."""
        try:
            self._engine().remove_container(container, v=True, force=True)
        except (docker.errors.DockerException, requests.RequestException, OSError):
            return

    def ping(self) -> None:
        """Raise ``SandboxError`` unless the engine answers, ``NoEngineError`` when there is none."""
        with _as_sandbox_error("the Docker engine does not answer"):
            try:
                self._engine().ping()
            except requests.ConnectionError as error:
                raise NoEngineError(f"the Docker engine does not answer: {error}") from error

    def close(self) -> None:
        """Give the connections back."""
        with self._lock:
            if self._client is not None:
                self._client.close()
                self._client = None

    def _remove_box(self, container: str, stream: AttachedStream) -> None:
        self.remove(container)
        stream.close()

    def _engine(self) -> docker.APIClient:
        with self._lock:
            if self._client is None:
                client = _connect(self._options)
                self._host_cpus = int(client.info()["NCPU"])
                self._client = client
            return self._client

    def _create(self, image: str, size: BoxSize) -> str:
        engine = self._engine()
        fitting = replace(size, cpus=min(self._options.cpus, self._host_cpus))
        profile = read_seccomp_profile(self._agent_folder)
        created = engine.create_container(
            image,
            command=[],
            entrypoint=list(AGENT_COMMAND),
            user="0:0",
            hostname="box",
            working_dir="/",
            stdin_open=True,
            network_disabled=True,
            labels={LABEL: "1", OWNER_LABEL: self._owner, CREATED_LABEL: str(int(time.time()))},
            host_config=host_config(fitting, profile, self._options.runtime),
        )
        return str(created["Id"])

    def _attach(self, container: str) -> AttachedStream:
        wrapper = self._engine().attach_socket(
            container, params={"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1, "logs": 0}
        )
        # Over a unix socket or plain TCP the SDK hands out a reader around the socket, over TLS the socket itself.
        connection = getattr(wrapper, "_sock", wrapper)
        if not isinstance(connection, socket.socket):
            raise SandboxError("the Docker SDK gave no socket")
        # The SDK hangs the HTTP answer on what it hands out; only its end lets go of the connection.
        return AttachedStream(connection, getattr(wrapper, "_response", wrapper))

    def _check(self, image: str, hello: dict[str, object]) -> None:
        if hello.get("source") != agent_fingerprint(self._agent_folder):
            raise SandboxError(f"{image} holds another version of the agent; run: yardmaster images build")


def _connect(options: DockerOptions) -> docker.APIClient:
    """Return a client that speaks the newest version of the API that the engine knows."""
    with closing(_create_client(options, _OLDEST_API)) as client:
        version = client.version(api_version=False)["ApiVersion"]
    return _create_client(options, str(version))


def _create_client(options: DockerOptions, version: str) -> docker.APIClient:
    client = docker.APIClient(
        base_url=options.docker_host,
        version=version,
        timeout=_CALL_S,
        tls=_tls(options.cert_folder),
        num_pools=_POOLS,
    )
    client.mount("https://", EngineAdapter(pool_maxsize=_POOLS))
    # Proxies and certificates that the environment names are for the internet, not for the engine; requests would
    # even prefer them to the engine's own.
    client.trust_env = False
    return client


def _tls(folder: Path | None) -> docker.TLSConfig | bool:
    if folder is None:
        return False
    certificate = (str(folder / "cert.pem"), str(folder / "key.pem"))
    return docker.TLSConfig(client_cert=certificate, ca_cert=str(folder / "ca.pem"), verify=True)


@contextmanager
def _as_sandbox_error(what: str) -> Iterator[None]:
    try:
        yield
    except docker.errors.ImageNotFound as error:
        raise SandboxError(f"{what}: the image is missing; run: yardmaster images build") from error
    except (docker.errors.DockerException, requests.RequestException, OSError) as error:
        raise SandboxError(f"{what}: {error}") from error
