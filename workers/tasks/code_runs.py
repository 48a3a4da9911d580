"""Code runs: payload -> compile and run in a sandbox -> result with verdict.

A program that crashes, loops or is killed for its memory is a job that succeeded, with that verdict. When the sandbox
breaks, the run is begun anew here, while the job keeps its slot: a run has no effects that could be had twice, and a
worker whose engine is away must not go through the queue and use up one job's attempts after the other.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from domain.code_runs import wire
from domain.code_runs.cache import CompileCache
from domain.code_runs.judge import RunRefusedError, run_code
from domain.code_runs.languages import Language
from domain.code_runs.model import CodeRun, RunResult
from domain.code_runs.sandbox import Sandbox, SandboxError, SandboxSession
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long one attempt waits for boxes that cannot be had, and how many may break under its program.

    The second bound is small because a program may have found a way to break its box.
    """

    wait_s: float = 60.0
    broken_boxes: int = 3
    pause_s: float = 0.1
    max_pause_s: float = 2.0


@dataclass(frozen=True, slots=True)
class CodeRunner:
    """The handler of ``code_runs`` jobs: the languages that this worker has, where they run, what was compiled."""

    languages: Mapping[str, Language]
    sandbox: Sandbox
    cache: CompileCache
    patience: Patience = field(default_factory=Patience)

    def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
        """Do one code run.

        Raises:
            JobFailedError: no worker can do it: the language is gone, or the run asks for the impossible.
            TransientJobError: the sandbox broke, and went on to.
        """
        run = wire.from_payload(payload)
        language = self.languages.get(run.language)
        if language is None:
            raise JobFailedError(f"the language {run.language} is no longer offered")
        try:
            return Outcome(wire.result_to_json(self._run(run, language, context)))
        except RunRefusedError as error:
            raise JobFailedError(str(error)) from error
        except SandboxError as error:
            # What a box says of its end may be the doing of the program in it, which has read the hidden inputs.
            detail = "" if run.has_secrets else f": {error}"
            raise TransientJobError(f"the sandbox failed{detail}") from error

    def _run(self, run: CodeRun, language: Language, context: JobContext) -> RunResult:
        stopped = threading.Event()
        context.on_stop(stopped.set)
        give_up_at = time.monotonic() + self.patience.wait_s
        broken, pause_s = 0, self.patience.pause_s
        while True:
            sandbox = _Stoppable(self.sandbox, context)
            try:
                return run_code(run, language, sandbox, self.cache)
            except SandboxError as error:
                broken += sandbox.was_lent
                if broken >= self.patience.broken_boxes or time.monotonic() + pause_s > give_up_at:
                    raise
                log.warning("the sandbox failed, the run is begun anew: %s", error)
                if stopped.wait(pause_s):
                    raise
                pause_s = min(2 * pause_s, self.patience.max_pause_s)


class _Stoppable:
    """A sandbox whose session is killed when the job must stop, and never once it has been given back."""

    def __init__(self, sandbox: Sandbox, context: JobContext) -> None:
        self._sandbox = sandbox
        self._context = context
        self._lock = threading.Lock()
        self._session: SandboxSession | None = None
        self.was_lent = False

    @contextmanager
    def session(self, language: Language) -> Iterator[SandboxSession]:
        """Take a box for ``language``."""
        with self._sandbox.session(language) as session:
            self.was_lent = True
            self._session = session
            self._context.on_stop(self._kill)
            try:
                yield session
            finally:
                # The box may serve another job from here on: a stop that comes late must not hit that one.
                with self._lock:
                    self._session = None

    def close(self) -> None:
        """Do nothing: the sandbox is the worker's, not the job's."""

    def _kill(self) -> None:
        with self._lock:
            if self._session is not None:
                self._session.kill()
