"""ffmpeg and ffprobe on files of strangers, within limits.

Theory of operation
-------------------
The program is some million lines of C that meet a hostile file, so it is given little. util-linux makes the place in
which it runs; each step becomes the next (exec), so that the process we know is the program itself:

- ``nice``: other work goes first. ``prlimit``: processor time, address space, the size of a file, open files. Not the
  number of processes: the kernel counts those of a user together.
- ``unshare --net``: no network at all. An ordinary user needs user namespaces for that; where these cannot be had, as
  in most containers, only the list of protocols forbids it, and the log says so.
- ``setpriv``: no new privileges, no capabilities, and killed by the kernel when the worker's thread ends.

It has a process group of its own, which is killed when the job is stopped or the time is over, and an environment
without anything of the platform's, which has passwords. It opens files by the protocols ``file`` and ``pipe`` only
and by demuxers that are named, none of which reads a playlist of a stranger. What it prints is read to the end, and
kept in part.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from domain.videos.encoder import BrokenVideoError, EncoderError, Run
from domain.videos.sources import CONTAINERS, MAX_PIXELS

PROBE_TIMEOUT_S = 60.0
POLL_S = 0.05
KEPT_BYTES = 8192
MAX_PROBE_BYTES = 1 << 20
ADDRESS_SPACE_BYTES = 6 << 30
MAX_FILE_BYTES = 8 << 30
OPEN_FILES = 256
_PROGRAMS = ("ffmpeg", "ffprobe", "nice", "prlimit", "unshare", "setpriv")
_CRASHES = {signal.SIGSEGV, signal.SIGABRT, signal.SIGFPE, signal.SIGILL, signal.SIGBUS, signal.SIGSYS}
_ENTRIES = (
    "format=format_name,duration"
    ":stream=codec_type,codec_name,width,height,duration,avg_frame_rate,sample_aspect_ratio"
    ":stream_disposition=attached_pic:stream_side_data=rotation"
)

log = logging.getLogger(__name__)


class NoFfmpegError(Exception):
    """ffmpeg, or what keeps it within limits, is not installed."""


def missing_programs() -> list[str]:
    """Return the names of the programs that are needed for encoding and are not installed."""
    return [name for name in _PROGRAMS if shutil.which(name) is None]


def create_ffmpeg() -> Ffmpeg:
    """Return the encoder; the log says how well it is kept apart.

    Raises:
        NoFfmpegError: a program is missing.
    """
    if missing := missing_programs():
        raise NoFfmpegError(f"not installed: {', '.join(missing)}")
    net = next((argv for argv in (["unshare", "--net"], ["unshare", "--net", "--map-root-user"]) if _works(argv)), [])
    if not net:
        log.warning("videos are encoded without a network namespace: this user may not make one")
    drop = ["setpriv", "--no-new-privs", "--pdeathsig", "KILL"]
    bare = [*drop, "--inh-caps=-all", "--bounding-set=-all"]
    return Ffmpeg((*net, *(bare if _works([*net, *bare]) else drop)))


class Ffmpeg:
    """An ``Encoder``; for any number of threads. ``cage`` is the command that a program runs in."""

    def __init__(self, cage: Sequence[str]) -> None:
        self.cage = cage

    def probe(self, file: Path, stopped: threading.Event) -> dict[str, object]:
        """Return what ffprobe says about a file."""
        demuxers = sorted(name for names in CONTAINERS for name in names.split(","))
        argv = ["ffprobe", "-v", "error", *_input_options(demuxers), "-show_entries", _ENTRIES, "-of", "json",
                f"file:{file.name}"]  # fmt: skip
        printed = _Head(MAX_PROBE_BYTES)
        self._run(argv, file.parent, _Limits(PROBE_TIMEOUT_S, stopped), printed.add)
        try:
            found = json.loads(printed.text)
        except ValueError as error:
            raise BrokenVideoError("the file describes itself at too great length") from error
        return found if isinstance(found, dict) else {}

    def encode(self, run: Run, on_percent: Callable[[float], None]) -> None:
        """Encode."""
        argv = ["ffmpeg", "-nostdin", "-hide_banner", "-v", "error", "-y", "-nostats", "-progress", "pipe:1",
                "-stats_period", "0.25", *_input_options(run.demuxers), "-f", run.demuxers[0],
                "-i", f"file:{run.file}", *run.arguments]  # fmt: skip

        def read(line: bytes) -> None:
            name, _, value = line.partition(b"=")
            if name == b"out_time_us" and value.strip().isdigit():
                on_percent(min(100.0, int(value) / 1e4 / run.duration_s))

        self._run(argv, run.folder, _Limits(run.timeout_s, run.stopped), read)

    def _run(self, argv: Sequence[str], folder: Path, limits: _Limits, read: Callable[[bytes], None]) -> None:
        errors = _Tail(KEPT_BYTES)
        command = ["nice", "-n", "10", *limits.prlimit(), *self.cage, *argv]
        try:
            process = subprocess.Popen(
                command, cwd=folder, env=_environment(), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            raise EncoderError(f"ffmpeg could not be started: {error.strerror}") from error
        assert process.stdout is not None
        assert process.stderr is not None
        readers = [_reading(process.stdout, read), _reading(process.stderr, errors.add)]
        try:
            is_over = _wait(process, limits)
        finally:
            _kill(process)
            for reader in readers:
                reader.join()
        _raise_for(process.returncode, errors.text, limits, is_over=is_over)


@dataclass(frozen=True, slots=True)
class _Limits:
    timeout_s: float
    stopped: threading.Event

    def prlimit(self) -> list[str]:
        cpu_s = int(self.timeout_s * (os.cpu_count() or 1)) + 1
        return ["prlimit", f"--cpu={cpu_s}", f"--as={ADDRESS_SPACE_BYTES}", f"--fsize={MAX_FILE_BYTES}",
                f"--nofile={OPEN_FILES}", "--core=0"]  # fmt: skip


class _Head:
    """The beginning of what was printed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.text = b""

    def add(self, line: bytes) -> None:
        if len(self.text) < self._size:
            self.text += line


class _Tail:
    """The end of what was printed."""

    def __init__(self, size: int) -> None:
        self._size = size
        self.text = b""

    def add(self, line: bytes) -> None:
        self.text = (self.text + line)[-self._size :]


def _works(cage: Sequence[str]) -> bool:
    with suppress(OSError, subprocess.TimeoutExpired):
        done = subprocess.run([*cage, "true"], env=_environment(), capture_output=True, timeout=10, check=False)
        return done.returncode == 0
    return False


def _environment() -> dict[str, str]:
    folders = {str(Path(found).parent): None for name in _PROGRAMS if (found := shutil.which(name))}
    return {"PATH": ":".join(folders), "LC_ALL": "C", "TMPDIR": tempfile.gettempdir()}


def _input_options(demuxers: Iterable[str]) -> list[str]:
    return [
        "-protocol_whitelist",
        "file,pipe",
        "-format_whitelist",
        ",".join(demuxers),
        "-max_pixels",
        str(MAX_PIXELS),
    ]


def _reading(stream: IO[bytes], add: Callable[[bytes], None]) -> threading.Thread:
    def read() -> None:
        with stream:
            while line := stream.readline(KEPT_BYTES):
                add(line)

    thread = threading.Thread(target=read, name="ffmpeg-output", daemon=True)
    thread.start()
    return thread


def _wait(process: subprocess.Popen[bytes], limits: _Limits) -> bool:
    """Wait for the program's end; tell whether its time was over before."""
    deadline = time.monotonic() + limits.timeout_s
    while process.poll() is None:
        if time.monotonic() > deadline:
            return True
        if limits.stopped.wait(POLL_S):
            return False
    return False


def _kill(process: subprocess.Popen[bytes]) -> None:
    # The group is there for as long as its leader was not waited for.
    if process.poll() is None:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _raise_for(status: int, errors: bytes, limits: _Limits, *, is_over: bool) -> None:
    if limits.stopped.is_set():
        raise EncoderError("encoding was stopped")
    if is_over or status == -signal.SIGXCPU:
        raise BrokenVideoError(f"the video was not done after {limits.timeout_s:.0f} s")
    if status == 0:
        return
    if b"No space left on device" in errors:
        raise EncoderError("the disk is full")
    if -status in _CRASHES:
        raise BrokenVideoError("the video makes the decoder crash")
    if status == -signal.SIGXFSZ or b"File too large" in errors or b"Cannot allocate memory" in errors:
        raise BrokenVideoError("the video needs more memory or disk than is allowed")
    if status < 0 or b"received signal" in errors:
        raise EncoderError(f"ffmpeg was killed (status {status})")
    raise BrokenVideoError(f"the file is no video, or a damaged one: {_last_line(errors)}")


def _last_line(errors: bytes) -> str:
    lines = errors.decode(errors="replace").strip().splitlines()
    return "".join(each for each in (lines[-1] if lines else "no reason given") if each.isprintable())[:200]
