"""See to it that there is a Docker engine, the image under all images, and the images of the languages.

For tests and first steps on machines of one's own: where the engine is missing and we are root on Debian or Ubuntu,
it is installed with apt and started by hand, as such machines (containers, build machines) often have no init system.
"""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from adapters import image_builder
from adapters.image_builder import ImageSource
from adapters.language_folder import language_names

BASE_IMAGE = "debian:trixie-slim"

_PACKAGES = ("docker.io", "mmdebstrap", "debian-archive-keyring")
_ANSWER_S = 20
_PULL_S = 120
_START_S = 60
_STOP_S = 30
_CGROUPS = Path("/sys/fs/cgroup")
_PID_FILE = Path("/var/run/docker.pid")

Progress = Callable[[str], None]


class EngineError(Exception):
    """There is no Docker engine and none could be made; the message says what was tried."""


class StartedEngine:
    """An engine that we started, and may stop."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def stop(self) -> None:
        """End the engine, and wait for its end; idempotent."""
        self._process.terminate()
        try:
            self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def ensure_engine(home: Path, progress: Progress) -> StartedEngine | None:
    """Return once a Docker engine answers; ``None`` when one did already, or was started by the system.

    A started engine outlives this process unless it is stopped; its log is ``home/dockerd.log``.

    Raises:
        EngineError: none answers, and this is no machine where we could change that.
    """
    if is_engine_answering():
        return None
    _check_may_install()
    if not _is_installed("dockerd") or not _is_installed("mmdebstrap"):
        progress("installing " + " ".join(_PACKAGES))
        _run(["apt-get", "update", "-q"], "apt-get update")
        _run(["apt-get", "install", "-q", "-y", "--no-install-recommends", *_PACKAGES], "apt-get install")
    # The package starts the engine by itself where there is an init system.
    if is_engine_answering():
        return None
    progress("starting dockerd")
    return _start(home)


def ensure_base_image(progress: Progress) -> None:
    """Return once the engine has ``debian:trixie-slim``: already, pulled, or made from Debian's packages.

    Raises:
        EngineError: it can neither be pulled nor made.
    """
    if _succeeds(["docker", "image", "inspect", BASE_IMAGE], _ANSWER_S):
        return
    progress(f"pulling {BASE_IMAGE}")
    if _succeeds(["docker", "pull", "--quiet", BASE_IMAGE], _PULL_S):
        return
    progress(f"making {BASE_IMAGE} from Debian's packages")
    if not _is_installed("mmdebstrap"):
        raise EngineError(f"{BASE_IMAGE} cannot be pulled, and mmdebstrap is not installed to make it")
    _make_base_image()


def build_images(source: ImageSource, names: Sequence[str] = (), progress: Progress = print) -> dict[str, str]:
    """Build the images of the languages ``names`` (none: of all) as far as they are not current.

    Returns the version of each language.

    Raises:
        EngineError: the base image cannot be had.
        ImageBuildError: a build failed.
        LanguageFileError: a language's file is wrong, or there is no such language.
    """
    ensure_base_image(progress)
    return image_builder.build_images(source, names or language_names(source.folder), progress)


def is_engine_answering() -> bool:
    """Say whether the ``docker`` command is there and reaches an engine."""
    return _succeeds(["docker", "version", "--format", "{{.Server.Version}}"], _ANSWER_S)


def _check_may_install() -> None:
    if os.geteuid() != 0:
        raise EngineError("no Docker engine answers, and only root can install one")
    release = Path("/etc/os-release")
    if not release.exists() or "debian" not in release.read_text():
        raise EngineError("no Docker engine answers, and we only know how to install one on Debian and Ubuntu")


def _start(home: Path) -> StartedEngine:
    if not os.path.ismount(_CGROUPS):
        _run(["mount", "-t", "cgroup2", "none", str(_CGROUPS)], "mounting the cgroups")
    _forget_dead_engine()
    home.mkdir(parents=True, exist_ok=True)
    path = home / "dockerd.log"
    with path.open("ab") as log:
        # A session of its own: Ctrl-C is for us, and we decide whether the engine ends with us.
        process = subprocess.Popen(
            ["dockerd"], stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline and process.poll() is None:
        if is_engine_answering():
            return StartedEngine(process)
        time.sleep(0.3)
    StartedEngine(process).stop()
    raise EngineError(f"dockerd did not start; the end of {path}:\n{_tail(path)}")


def _forget_dead_engine() -> None:
    """Remove the pid file of an engine that was killed: its number may be another process's by now."""
    try:
        pid = _PID_FILE.read_text().strip()
    except FileNotFoundError:
        return
    try:
        is_alive = Path(f"/proc/{pid}/comm").read_text().strip() == "dockerd"
    except OSError:
        is_alive = False
    if not is_alive:
        _PID_FILE.unlink(missing_ok=True)


def _make_base_image() -> None:
    bootstrap = subprocess.Popen(
        ["mmdebstrap", "--variant=minbase", "--quiet", "trixie", "-"], stdout=subprocess.PIPE
    )
    with bootstrap:
        _run(["docker", "import", "--change=CMD bash", "-", BASE_IMAGE], "docker import", bootstrap)
    if bootstrap.returncode != 0:
        _succeeds(["docker", "rmi", BASE_IMAGE], _ANSWER_S)
        raise EngineError(f"mmdebstrap failed with exit code {bootstrap.returncode}")


def _is_installed(program: str) -> bool:
    return _succeeds(["sh", "-c", f"command -v {program}"], _ANSWER_S)


def _succeeds(command: Sequence[str], timeout_s: float) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=timeout_s, check=False).returncode == 0
    except (OSError, subprocess.TimeoutExpired):
        return False


def _run(command: Sequence[str], what: str, feeder: subprocess.Popen[bytes] | None = None) -> None:
    stdin = subprocess.DEVNULL if feeder is None else feeder.stdout
    # The variable only reaches apt and its children: no question may be asked where nobody can answer.
    quiet = ["env", "DEBIAN_FRONTEND=noninteractive", *command]
    answer = subprocess.run(
        quiet, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
    )
    if answer.returncode != 0:
        raise EngineError(f"{what} failed:\n{answer.stdout[-2000:]}")


def _tail(path: Path) -> str:
    return "\n".join(path.read_text(errors="replace").splitlines()[-15:])
