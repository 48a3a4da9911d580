"""A broken sandbox costs a code run time, not attempts."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID

import pytest

from domain.code_runs import wire
from domain.code_runs.languages import Language
from domain.code_runs.model import Case, CodeRun, Compare, Limits
from domain.code_runs.sandbox import SandboxError, SandboxSession
from jobs.model import JobFailedError, TransientJobError
from tests.fakes import FakeSandbox
from workers.tasks.code_runs import CodeRunner, Patience

LIMITS = Limits(cpu_s=5, wall_s=10, memory_bytes=1 << 28, processes=64, output_bytes=1000, file_bytes=1 << 20)
SHELL = Language(
    name="shell",
    title="Shell",
    version="1",
    image="none",
    file_name="main.sh",
    compile_command=None,
    run_command=("sh", "/box/app/main.sh"),
    limits=LIMITS,
    max_limits=LIMITS,
    compile_limits=LIMITS,
)
RUN = CodeRun(
    language="shell",
    source=b"echo fine",
    files=(),
    args=(),
    cases=(Case("1", b"", None),),
    compare=Compare.EXACT,
    limits=LIMITS,
)
QUICK = Patience(wait_s=1.0, pause_s=0.01, max_pause_s=0.02)


class NoCache:
    def get(self, key: str) -> bytes | None:
        del key
        return None

    def put(self, key: str, artefact: bytes) -> None:
        del key, artefact


class Context:
    """A job's context whose ``stop`` is at the test's hand."""

    job_id = UUID(int=1)
    owner = "alice"
    attempt = 1
    epoch = 1

    def __init__(self) -> None:
        self._callbacks: list[Callable[[], None]] = []

    def report_progress(self, progress: dict[str, object]) -> None:
        del progress

    def on_stop(self, callback: Callable[[], None]) -> None:
        self._callbacks.append(callback)

    def stop(self) -> None:
        for callback in self._callbacks:
            callback()


class AwaySandbox:
    """A sandbox without boxes until ``is_back``."""

    def __init__(self) -> None:
        self.is_back = False
        self.asked = threading.Event()
        self._sandbox = FakeSandbox()

    def session(self, language: Language) -> AbstractContextManager[SandboxSession]:
        self.asked.set()
        if not self.is_back:
            raise SandboxError("the engine is away")
        return self._sandbox.session(language)

    def close(self) -> None:
        self._sandbox.close()


def test_a_run_whose_box_broke_is_begun_anew() -> None:
    runner = CodeRunner({"shell": SHELL}, FakeSandbox(failures=2), NoCache(), QUICK)

    outcome = runner(wire.to_payload(RUN), Context())

    assert outcome.result["verdict"] == "accepted"


def test_a_program_that_breaks_every_box_is_not_begun_for_ever() -> None:
    sandbox = FakeSandbox(failures=100)
    runner = CodeRunner({"shell": SHELL}, sandbox, NoCache(), QUICK)

    with pytest.raises(TransientJobError, match="the sandbox failed"):
        runner(wire.to_payload(RUN), Context())

    assert len(sandbox.sessions) == QUICK.broken_boxes


def test_a_run_waits_for_an_engine_that_is_away() -> None:
    sandbox = AwaySandbox()
    runner = CodeRunner({"shell": SHELL}, sandbox, NoCache(), Patience(wait_s=30, pause_s=0.01))

    def come_back() -> None:
        sandbox.asked.wait()
        sandbox.is_back = True

    thread = threading.Thread(target=come_back)
    thread.start()
    outcome = runner(wire.to_payload(RUN), Context())
    thread.join()

    assert outcome.result["verdict"] == "accepted"


def test_an_engine_that_stays_away_counts_as_an_attempt_in_the_end() -> None:
    runner = CodeRunner({"shell": SHELL}, AwaySandbox(), NoCache(), Patience(wait_s=0.1, pause_s=0.01))

    with pytest.raises(TransientJobError, match="the engine is away"):
        runner(wire.to_payload(RUN), Context())


def test_a_run_that_is_told_to_stop_waits_no_longer() -> None:
    sandbox, context = AwaySandbox(), Context()
    runner = CodeRunner({"shell": SHELL}, sandbox, NoCache(), Patience(wait_s=30, pause_s=20, max_pause_s=20))

    def stop() -> None:
        sandbox.asked.wait()
        context.stop()

    began_at = time.monotonic()
    thread = threading.Thread(target=stop)
    thread.start()
    with pytest.raises(TransientJobError):
        runner(wire.to_payload(RUN), context)
    thread.join()

    assert time.monotonic() - began_at < 15


def test_a_language_that_is_gone_fails_the_run_for_good() -> None:
    with pytest.raises(JobFailedError, match="no longer offered"):
        CodeRunner({}, FakeSandbox(), NoCache())(wire.to_payload(RUN), Context())
