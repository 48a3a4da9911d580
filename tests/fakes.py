"""Stand-ins for what lies outside; each runs the same contract test as the adapter that it stands for."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from domain.code_runs.languages import Language
from domain.code_runs.model import Execution, LimitHit, Limits, SourceFile, Usage
from domain.code_runs.sandbox import SandboxError, SandboxKilledError
from domain.rides.geo import distance_m
from domain.rides.model import Fix, Place
from domain.rides.ports import (
    FORGET_S,
    AvailableDriver,
    DriverFix,
    DriverIndexError,
    Etas,
    NearestQuery,
    Supply,
)


class FakeSandbox:
    """Runs programs as plain processes in a temporary folder that stands for ``/box``: no isolation whatever.

    ``failures`` counts down: that many sessions break with a ``SandboxError`` at their first use.
    """

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.sessions: list[FakeSandboxSession] = []
        self.is_closed = False

    @contextmanager
    def session(self, language: Language) -> Iterator[FakeSandboxSession]:
        if self.is_closed:
            raise SandboxError("the sandbox is closed")
        with tempfile.TemporaryDirectory() as folder:
            session = FakeSandboxSession(Path(folder), language, is_broken=self.failures > 0)
            self.failures = max(0, self.failures - 1)
            self.sessions.append(session)
            try:
                yield session
            finally:
                session.end()

    def close(self) -> None:
        self.is_closed = True
        for session in self.sessions:
            session.kill()


class FakeSandboxSession:
    """One temporary folder. ``calls`` are the names of the calls so far, for tests that ask what was done."""

    def __init__(self, box: Path, language: Language, *, is_broken: bool) -> None:
        self.calls: list[str] = []
        self.language = language
        self._box = box
        self._is_broken = is_broken
        self._is_killed = threading.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._kept: set[str] = set()
        for name in ("src", "out", "app"):
            (box / name).mkdir()

    def load(self, files: Sequence[SourceFile]) -> None:
        self._note("load")
        place = self._box / ("src" if self.language.compile_command else "app")
        for file in files:
            (place / file.name).write_bytes(file.content)
        self._keep()

    def compile(self, argv: Sequence[str], limits: Limits) -> Execution:
        self._note("compile")
        end = self._execute(argv, b"", limits, self._box / "src")
        if end.exit_code == 0 and end.limit_hit is None:
            shutil.copytree(self._box / "out", self._box / "app", dirs_exist_ok=True)
            self._keep()
        return end

    def artefact(self) -> bytes:
        self._note("artefact")
        archive = io.BytesIO()
        with tarfile.open(fileobj=archive, mode="w") as tar:
            for path in sorted((self._box / "app").rglob("*")):
                if path.is_file():
                    tar.add(path, str(path.relative_to(self._box / "app")))
        return archive.getvalue()

    def install(self, artefact: bytes) -> None:
        self._note("install")
        try:
            with tarfile.open(fileobj=io.BytesIO(artefact)) as tar:
                tar.extractall(self._box / "app", filter="data")
        except tarfile.TarError as error:
            raise SandboxError(f"the artefact is damaged: {error}") from error
        self._keep()

    def run(self, argv: Sequence[str], stdin: bytes, limits: Limits) -> Execution:
        self._note("run")
        try:
            return self._execute(argv, stdin, limits, self._box / "app")
        finally:
            self._clean()

    def kill(self) -> None:
        self._is_killed.set()
        self.end()

    def end(self) -> None:
        process = self._process
        if process is not None and process.returncode is None:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                return

    def _note(self, call: str) -> None:
        if self._is_killed.is_set():
            raise SandboxKilledError("the box was killed")
        if self._is_broken:
            raise SandboxError("the box broke")
        self.calls.append(call)

    def _keep(self) -> None:
        self._kept = set(os.listdir(self._box / "app"))

    def _clean(self) -> None:
        for path in (self._box / "app").iterdir():
            if path.name not in self._kept:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def _execute(self, argv: Sequence[str], stdin: bytes, limits: Limits, cwd: Path) -> Execution:
        words = [word.replace("/box", str(self._box)) for word in argv]
        with tempfile.TemporaryFile() as given, tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            given.write(stdin)
            given.seek(0)
            started = time.monotonic()
            try:
                self._process = subprocess.Popen(
                    words, cwd=cwd, stdin=given, stdout=out, stderr=err, start_new_session=True
                )
            except OSError as error:
                return _ended(limits, (b"", f"cannot execute {words[0]}: {error}".encode()), 126, None)
            # In one call, because a kill may have come between the start and here.
            if self._is_killed.is_set():
                self.end()
            usage = self._await(self._process, limits, started)
            if self._is_killed.is_set():
                raise SandboxKilledError("the box was killed")
            for file in (out, err):
                file.seek(0)
            return _ended(limits, (out.read(), err.read()), self._process.returncode, usage)

    def _await(self, process: subprocess.Popen[bytes], limits: Limits, started: float) -> Usage:
        killer = threading.Timer(limits.wall_s, self.end)
        killer.start()
        peak_bytes, pid = 0, 0
        while pid == 0:
            peak_bytes = max(peak_bytes, _peak_bytes(process.pid))
            pid, status, usage = os.wait4(process.pid, os.WNOHANG)
            time.sleep(0.002)
        killer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        wall_s = time.monotonic() - started
        return Usage(usage.ru_utime + usage.ru_stime, wall_s, peak_bytes)


def _peak_bytes(pid: int) -> int:
    """Read the peak of a living process; ``ru_maxrss`` would count this one's memory, from before the exec."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return 0
    return next((int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM:")), 0)


def _ended(limits: Limits, outputs: tuple[bytes, bytes], code: int, usage: Usage | None) -> Execution:
    usage = usage or Usage(0.0, 0.0, 0)
    hits = (
        (LimitHit.TIME, usage.wall_s >= limits.wall_s or usage.cpu_s > limits.cpu_s),
        (LimitHit.MEMORY, usage.memory_bytes > limits.memory_bytes),
        (LimitHit.OUTPUT, any(len(output) > limits.output_bytes for output in outputs)),
    )
    return Execution(
        stdout=outputs[0][: limits.output_bytes],
        stderr=outputs[1][: limits.output_bytes],
        is_stdout_truncated=len(outputs[0]) > limits.output_bytes,
        is_stderr_truncated=len(outputs[1]) > limits.output_bytes,
        exit_code=code if code >= 0 else None,
        signal=-code if code < 0 else None,
        limit_hit=next((limit for limit, is_hit in hits if is_hit), None),
        usage=usage,
    )


class FakeDriverIndex:
    """A ``DriverIndex`` in dictionaries. While ``is_away`` it fails; ``flush`` forgets everything, as Redis may."""

    def __init__(self, max_radius_m: float = 5000.0, clock: Callable[[], float] = time.time) -> None:
        self.is_away = False
        self._max_radius_m = max_radius_m
        self._clock = clock
        self._lock = threading.RLock()
        self.flush()

    def flush(self) -> None:
        self._products: dict[tuple[str, str], str] = {}
        self._last: dict[tuple[str, str], Fix] = {}
        self._changed: dict[tuple[str, str], int] = {}
        self._since: dict[str, datetime] = {}

    def push(self, city: str, fixes: Sequence[DriverFix]) -> list[bool]:
        with self._reached():
            return [self._take((city, fix.driver_id), fix.fix) for fix in fixes]

    def set_available(self, city: str, driver: AvailableDriver, mark: int | None = None) -> bool:
        with self._reached():
            if not self._may_change((city, driver.driver_id), mark):
                return False
            self._products[city, driver.driver_id] = driver.product
            return True

    def set_unavailable(self, city: str, driver_id: str, mark: int | None = None) -> bool:
        with self._reached():
            if not self._may_change((city, driver_id), mark):
                return False
            self._products.pop((city, driver_id), None)
            return True

    def nearest(self, city: str, queries: Sequence[NearestQuery]) -> list[list[tuple[str, float]]]:
        return [self._nearest(city, query) for query in queries]

    def supply(self, city: str, product: str) -> Supply:
        with self._reached():
            places = self._candidates(city, product)
        latitudes = np.array([place.latitude for place in places.values()], dtype=float)
        return Supply(list(places), latitudes, np.array([place.longitude for place in places.values()], dtype=float))

    def findable(self, city: str) -> int:
        with self._reached():
            products = {product for (where, _), product in self._products.items() if where == city}
            return sum(len(self._candidates(city, product)) for product in products)

    def last_positions(self, city: str, driver_ids: Sequence[str]) -> dict[str, Fix]:
        with self._reached():
            return {id_: self._last[city, id_] for id_ in driver_ids if (city, id_) in self._last}

    def knows_since(self, city: str) -> datetime:
        with self._reached():
            return self._since.setdefault(city, datetime.fromtimestamp(self._clock(), UTC))

    def mark(self, city: str) -> int:
        with self._reached():
            return max((number for (other, _), number in self._changed.items() if other == city), default=0)

    def rebuild(self, city: str, drivers: Sequence[AvailableDriver], mark: int | None = None) -> None:
        with self._reached():
            mark = self.mark(city) if mark is None else mark
            fixed = {key for key, number in self._changed.items() if number > mark}
            for key in [key for key in self._products if key[0] == city and key not in fixed]:
                del self._products[key]
            wanted = {(city, driver.driver_id): driver.product for driver in drivers}
            self._products.update({key: product for key, product in wanted.items() if key not in fixed})
            oldest = self._clock() - FORGET_S
            self._last = {
                key: fix for key, fix in self._last.items() if key[0] != city or fix.at.timestamp() > oldest
            }

    def _may_change(self, key: tuple[str, str], mark: int | None) -> bool:
        if mark is not None and self._changed.get(key, 0) > mark:
            return False
        self._changed[key] = self.mark(key[0]) + 1
        return True

    def _nearest(self, city: str, query: NearestQuery) -> list[tuple[str, float]]:
        if not is_on_the_map(query.place):
            return []
        with self._reached():
            places = self._candidates(city, query.product)
        found = [(driver_id, distance_m(at, query.place)) for driver_id, at in places.items()]
        near = [pair for pair in found if pair[1] <= self._max_radius_m]
        return sorted(near, key=lambda pair: pair[1])[: query.count]

    def _take(self, key: tuple[str, str], fix: Fix) -> bool:
        at = datetime.fromtimestamp(round(min(fix.at.timestamp(), self._clock()) * 1000) / 1000, UTC)
        last = self._last.get(key)
        if last and at <= last.at:
            return False
        self._last[key] = Fix(fix.place, at, fix.accuracy_m, fix.bearing)
        return True

    def _candidates(self, city: str, product: str) -> dict[str, Place]:
        oldest = self._clock() - 60
        return {
            driver_id: last.place
            for (where, driver_id), last in self._last.items()
            if where == city and self._products.get((city, driver_id)) == product
            if last.at.timestamp() > oldest and is_on_the_map(last.place)
        }

    @contextmanager
    def _reached(self) -> Iterator[None]:
        if self.is_away:
            raise DriverIndexError("the index is away")
        with self._lock:
            yield


class FakeEta:
    """An ``EtaProvider`` for which every way is straight, driven at ``speed_mps``. ``calls`` counts its answers."""

    def __init__(self, speed_mps: float = 10.0, source: str = "fake") -> None:
        self.calls = 0
        self._speed_mps = speed_mps
        self._source = source

    def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
        self.calls += 1
        times = [distance_m(*ends) / self._speed_mps for ends in zip(origins, destinations, strict=True)]
        return Etas(np.array(times, dtype=float), self._source)


def is_on_the_map(place: Place) -> bool:
    """Tell whether Redis could keep the place in a GEO set."""
    return abs(place.latitude) <= 85.05 and abs(place.longitude) <= 180
