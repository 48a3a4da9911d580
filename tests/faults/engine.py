"""A Docker engine of the tests' own: all that it has lies in one folder, so the machine's engine is not touched."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

from tests.faults.child_process import TETHER

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 60.0


class OwnEngine:
    """``dockerd`` with its own data, sockets and containerd, and without a network for its containers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.socket = folder / "docker.sock"
        self._process: subprocess.Popen[bytes] | None = None

    @staticmethod
    def is_possible() -> bool:
        """Tell whether this machine lets the tests run an engine: it must be root's, with dockerd installed."""
        return os.geteuid() == 0 and shutil.which("dockerd") is not None

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "dockerd.log").open("ab") as log:
            self._process = subprocess.Popen(
                # In a network of its own: a daemon that is to have no bridge takes docker0 away from the machine's.
                [*TETHER, "unshare", "--net", "dockerd", "--data-root", str(self.folder / "data"),
                 "--exec-root", str(self.folder / "exec"),
                 "--pidfile", str(self.folder / "dockerd.pid"), "--host", self.host, "--bridge", "none",
                 "--iptables=false", "--ip-masq=false", "--log-level", "warn"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + START_TIMEOUT_S
        while self._docker("version").returncode != 0:
            assert self._process.poll() is None, self._log_tail()
            assert time.monotonic() < deadline, self._log_tail()
            time.sleep(0.05)

    def kill(self) -> None:
        """Crash the daemon and its containerd; containers' processes are orphaned, as in a real crash."""
        assert self._process is not None
        for pid in (self._process.pid, *self._containerd()):
            os.kill(pid, signal.SIGKILL)
        self._process.wait(STOP_TIMEOUT_S)
        # Where nobody reaps it, the dead containerd still has its number, and dockerd would wait for it to answer.
        (self.folder / "exec" / "containerd" / "containerd.pid").unlink(missing_ok=True)

    def restart(self) -> None:
        """Stop in order, which ends every container, and start again."""
        self._terminate()
        self.start()

    def end(self) -> None:
        """Stop, and take the data away."""
        if self._process is not None and self._process.poll() is None:
            self._terminate()
        self._clear_after_crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def load(self, *images: str) -> None:
        """Copy ``images`` from the machine's own engine."""
        with subprocess.Popen(["docker", "save", *images], stdout=subprocess.PIPE) as save:
            subprocess.run(["docker", "-H", self.host, "load"], stdin=save.stdout, check=True, capture_output=True)
        assert save.returncode == 0, f"docker save {images} failed"

    def containers(self) -> list[str]:
        """Return the ids of the running containers."""
        return self._docker("ps", "-q").stdout.split()

    def kill_container(self, container: str) -> bool:
        """Kill a container from outside; return false when it was gone already."""
        return self._docker("kill", container).returncode == 0

    def _clear_after_crash(self) -> None:
        """End the shims and detach the mounts that a crashed daemon left in its folder."""
        for cmdline in Path("/proc").glob("[0-9]*/cmdline"):
            with suppress(OSError):
                if f"{self.folder}/".encode() in cmdline.read_bytes():
                    os.kill(int(cmdline.parent.name), signal.SIGKILL)
        mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
        for mount in reversed([mount for mount in mounts if mount.startswith(f"{self.folder}/")]):
            subprocess.run(["umount", "--lazy", mount], check=False, capture_output=True)

    def _terminate(self) -> None:
        assert self._process is not None
        self._process.terminate()
        self._process.wait(STOP_TIMEOUT_S)

    def _containerd(self) -> list[int]:
        found = subprocess.run(["pgrep", "-P", str(self._process.pid if self._process else 0)],
                               check=False, capture_output=True, text=True)  # fmt: skip
        return [int(pid) for pid in found.stdout.split()]

    def _docker(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(["docker", "-H", self.host, *arguments], check=False, capture_output=True, text=True)

    def _log_tail(self) -> str:
        return (self.folder / "dockerd.log").read_text(errors="replace")[-2000:]
