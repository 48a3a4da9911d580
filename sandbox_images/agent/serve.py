"""Answer the worker's requests, one after another, until it hangs up."""

from __future__ import annotations

import binascii
import os
import sys
import time

from agent import frames, places, steps
from agent.gauges import find_gauge
from agent.watch import Watch
from agent.zygote import Zygote


class Box:
    """The state of the box between two requests."""

    def __init__(self, worker: int) -> None:
        self._worker = worker
        self._uids = steps.Uids()
        self.gauge = find_gauge()
        self._zygote = Zygote()
        self._zygote_command: list[str] = []
        self._kept: frozenset[str] = frozenset()
        self._prints: dict[str, tuple[int, int, int]] = {}
        self._anomalies: list[str] = []
        self._refused_forks = self.gauge.refused_forks()

    def load(self, fields: dict[str, object], body: bytes) -> None:
        """Put files in place before anything ran."""
        place = {"src": places.SRC, "app": places.APP}[str(fields["place"])]
        places.put(place, fields["files"], body)  # type: ignore[arg-type]
        self._keep()

    def compile(self, fields: dict[str, object], body: bytes) -> tuple[dict[str, object], list[bytes]]:
        """Run a compiler; what it leaves becomes the program."""
        watch = self._step(fields, places.SRC, body)
        answer = _facts(watch)
        if answer["exit_code"] == 0 and answer["limit"] is None:
            try:
                places.harvest(int(str(fields["max_artefact_bytes"])))
            except places.HarvestError as error:
                answer["refused"] = str(error)
            self._keep()
        return answer, watch.stdout.pieces + watch.stderr.pieces

    def run(self, fields: dict[str, object], body: bytes) -> tuple[dict[str, object], list[bytes]]:
        """Run the program on one input; the first ``zygote`` words of its command start an interpreter to copy."""
        words = int(str(fields.get("zygote", 0)))
        if words:
            self._zygote_command = fields["argv"][:words]  # type: ignore[index]
        watch = self._step(fields, places.APP, body)
        return _facts(watch), watch.stdout.pieces + watch.stderr.pieces

    def artefact(self) -> tuple[dict[str, object], list[bytes]]:
        """Return the program's files."""
        files, contents = places.collect(places.APP)
        return {"files": files}, contents

    def reset(self) -> dict[str, object]:
        """Forget the program, and report everything that went wrong since the last reset."""
        self._kept, self._prints = frozenset(), {}
        self.clean()
        anomalies = self._anomalies + places.leftovers(self._kept, self._zygote.pid)
        self._anomalies = []
        if self._zygote_command and not anomalies:
            self._zygote.start(self._zygote_command)
        return {"anomalies": anomalies}

    def clean(self) -> None:
        """Empty every place but for the program's own files, and check that those are as they were."""
        try:
            for place in places.WRITABLE:
                places.empty(place, self._kept if place == places.APP else frozenset())
            if self._prints and places.fingerprint(places.APP) != self._prints:
                self._anomalies.append("the program's files were changed")
        except (OSError, places.HarvestError) as error:
            self._anomalies.append(f"cleaning failed: {error}")

    def _step(self, fields: dict[str, object], cwd: str, stdin: bytes) -> Watch:
        if self._anomalies:
            raise places.PlaceError(f"the box is not clean: {'; '.join(self._anomalies)}")
        limits = steps.Limits(fields["limits"])  # type: ignore[arg-type]
        argv: list[str] = fields["argv"]  # type: ignore[assignment]
        self.gauge.start(self._zygote.pid)
        started = time.monotonic()
        child = steps.start(argv, cwd, self._uids.draw(), limits, self._zygote)
        watch = Watch(child, stdin, limits, self.gauge, self._zygote)
        watch.run(started, self._worker)
        if watch.survivors:
            raise places.PlaceError("a process could not be killed")
        return watch

    def note_hard_limits(self) -> list[str]:
        """Return the bounds of the kernel, as opposed to the request's limits, that the last step ran into."""
        met = [f"{place} is full" for place in places.full_places()]
        if self.gauge.oom_kills():
            met.append("the box ran out of memory")
        refused = self.gauge.refused_forks()
        if refused > self._refused_forks:
            met.append("the box ran out of processes")
            self._refused_forks = refused
        return met

    def _keep(self) -> None:
        self._kept = frozenset(os.listdir(places.APP))
        self._prints = places.fingerprint(places.APP)


def serve(stdin: int, stdout: int) -> None:
    """Greet the worker and serve it until its end of stdin.

    Raises:
        RuntimeError: this is not pid 1 of a namespace of its own, where alone it may kill everything that it can.
    """
    if os.getpid() != 1 or not _is_own_pid_namespace():
        raise RuntimeError("the agent is pid 1 of a box, or nothing")
    # The streams are moved out of the way of the programs' own 0 and 1, and nothing that a child forgets to close
    # or a library prints can reach them.
    worker, answers = os.dup(stdin), os.dup(stdout)
    nothing = os.open("/dev/null", os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    _stay_alive()
    places.make()
    box = Box(worker)
    frames.write_frame(answers, _hello(box))
    failure: str | None = None
    while (frame := frames.read_frame(worker)) is not None:
        fields, body = frame
        try:
            failure = _answer(box, answers, fields, body, failure)
        except (OSError, ValueError, KeyError, places.PlaceError, places.HarvestError) as error:
            failure = f"{type(error).__name__}: {error}"
            if fields.get("op") != _UNANSWERED:
                frames.write_frame(answers, {"error": failure})


_UNANSWERED = "load"
# PROC_PID_INIT_INO of the kernel's include/linux/proc_ns.h.
_INITIAL_PID_NAMESPACE = "pid:[4026531836]"


def _is_own_pid_namespace() -> bool:
    """Say whether processes of the machine are out of reach: its pid namespace has a number that never changes."""
    return os.readlink("/proc/self/ns/pid") != _INITIAL_PID_NAMESPACE


def _answer(box: Box, answers: int, fields: dict[str, object], body: bytes, failure: str | None) -> str | None:
    """Do one request and answer it; return why a request without an answer failed, for the next one to tell."""
    op = fields["op"]
    if op == _UNANSWERED:
        box.load(fields, body)
        return failure
    if failure:
        raise places.PlaceError(failure)
    if op in ("compile", "run"):
        answer, pieces = box.compile(fields, body) if op == "compile" else box.run(fields, body)
        answer["hard_limits"] = box.note_hard_limits()
        frames.write_frame(answers, answer, *pieces)
        box.clean()
    elif op == "artefact":
        answer, pieces = box.artefact()
        frames.write_frame(answers, answer, *pieces)
    elif op == "reset":
        frames.write_frame(answers, box.reset())
    else:
        raise ValueError(f"{op!r} is not a request")
    return None


def _stay_alive() -> None:
    """Be no easier to kill for the kernel, when memory is short, than a program can make itself.

    Programs start at 1000 and may lower that as far as the agent may: to where the container's starter had it when it
    still had the capability to set a bound, and to 0 where it never had.
    """
    try:
        with open("/proc/self/oom_score_adj", "wb", buffering=0) as file:
            file.write(b"0")
    except OSError:
        return  # The bound is above 0, and holds for programs, too.


def _hello(box: Box) -> dict[str, object]:
    return {
        "op": "hello",
        "source": source_fingerprint(os.path.dirname(os.path.abspath(__file__))),
        "cgroup": box.gauge.version,
        "python": sys.version.split()[0],
        "pid": os.getpid(),
    }


def source_fingerprint(folder: str) -> str:
    """Return a checksum of the agent's source. It tells an old image from a new one; it is no protection."""
    crc = 0
    for name in sorted(os.path.relpath(path, folder) for path, _ in places.walk(folder) if path.endswith(".py")):
        with open(os.path.join(folder, name), "rb") as file:
            crc = binascii.crc32(name.encode() + b"\0" + file.read(), crc)
    return f"{crc:08x}"


def _facts(watch: Watch) -> dict[str, object]:
    code = -9 if watch.status is None else os.waitstatus_to_exitcode(watch.status)
    return {
        "exit_code": code if code >= 0 else None,
        "signal": -code if code < 0 else None,
        "limit": watch.limit_hit,
        "stdout": sum(map(len, watch.stdout.pieces)),
        "stdout_truncated": watch.stdout.is_truncated,
        "stderr_truncated": watch.stderr.is_truncated,
        "cpu_s": round(watch.cpu_s, 6),
        "wall_s": round(watch.wall_s, 6),
        "memory_bytes": watch.memory_bytes,
    }
