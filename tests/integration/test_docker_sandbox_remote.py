"""The sandbox on an engine that is reached over TCP, plain and with TLS both ways."""

import contextlib
import shutil
import socket
import ssl
import subprocess
import threading

import pytest

from adapters.box_pool import PoolOptions
from adapters.docker_sandbox import DockerOptions, DockerSandbox
from domain.code_runs.sandbox import SandboxKilledError
from tests.sandboxes import IMAGES_DIR, PYTHON, run, why_no_docker, within

ENGINE = "/var/run/docker.sock"


class Forwarder:
    """Listens on a TCP port and carries each connection to the engine's unix socket."""

    def __init__(self, context=None):
        self._context = context
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self._context:
                    client = self._context.wrap_socket(client, server_side=True)
                engine = socket.socket(socket.AF_UNIX)
                engine.connect(ENGINE)
                left = [2]
                for source, sink in ((client, engine), (engine, client)):
                    threading.Thread(target=self._carry, args=(source, sink, left), daemon=True).start()

    def _carry(self, source, sink, left):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_RDWR)
        left[0] -= 1
        if not left[0]:
            source.close()
            sink.close()


@pytest.fixture(scope="module")
def certificates(tmp_path_factory):
    folder = tmp_path_factory.mktemp("certificates")
    if shutil.which("openssl") is None:
        pytest.skip("the openssl command is missing")
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=127.0.0.1",
         "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", "key.pem", "-out", "cert.pem"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    shutil.copy(folder / "cert.pem", folder / "ca.pem")
    return folder


@pytest.fixture(params=["plain", "tls"])
def sandbox(request):
    if why_no_docker():
        pytest.skip(why_no_docker())
    folder, context = None, None
    if request.param == "tls":
        folder = request.getfixturevalue("certificates")
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=folder / "ca.pem")
        context.load_cert_chain(folder / "cert.pem", folder / "key.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    forwarder = Forwarder(context)
    options = DockerOptions(IMAGES_DIR, docker_host=f"tcp://127.0.0.1:{forwarder.port}", cert_folder=folder)
    sandbox = DockerSandbox(options, PoolOptions(size=2))
    yield sandbox
    sandbox.close()
    forwarder.close()


def test_programs_run_and_boxes_are_used_again(sandbox):
    for _ in range(3):
        with sandbox.session(PYTHON) as session:
            end = run(session, "print(len(input()))", b"x" * 300_000 + b"\n")

            assert end.stdout == b"300000\n"

    assert sandbox.counters().reused > 0


def test_a_running_program_is_killed(sandbox):
    with sandbox.session(PYTHON) as session:
        timer = threading.Timer(0.2, session.kill)
        timer.start()

        with pytest.raises(SandboxKilledError):
            run(session, "import time; time.sleep(60)", limits=within(wall_s=50.0))
        timer.join()


def test_a_killed_program_spoils_nothing_for_those_after_it(sandbox):
    for _ in range(2):
        with contextlib.suppress(SandboxKilledError), sandbox.session(PYTHON) as session:
            threading.Timer(0.2, session.kill).start()
            run(session, "import time; time.sleep(60)", limits=within(wall_s=50.0))

        with sandbox.session(PYTHON) as session:
            # Long enough for the worker to wait for the answer.
            assert run(session, "import time; time.sleep(0.1); print(7)").stdout == b"7\n"
