"""Code runs: payload -> compile and run in a sandbox -> result with verdict.

A program that crashes, loops or is killed for its memory is a job that succeeded, with that verdict. A sandbox that
breaks is tried again.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

from domain.code_runs import wire
from domain.code_runs.cache import CompileCache
from domain.code_runs.judge import RunRefusedError, run_code
from domain.code_runs.languages import Language
from domain.code_runs.sandbox import Sandbox, SandboxError, SandboxSession
from jobs.model import JobContext, JobFailedError, Outcome, TransientJobError


@dataclass(frozen=True, slots=True)
class CodeRunner:
    """The handler of ``code_runs`` jobs: the languages that this worker has, where they run, what was compiled."""

    languages: Mapping[str, Language]
    sandbox: Sandbox
    cache: CompileCache

    def __call__(self, payload: dict[str, object], context: JobContext) -> Outcome:
        """Do one code run.

        Raises:
            JobFailedError: no worker can do it: the language is gone, or the run asks for the impossible.
            TransientJobError: the sandbox broke.
        """
        run = wire.from_payload(payload)
        language = self.languages.get(run.language)
        if language is None:
            raise JobFailedError(f"the language {run.language} is no longer offered")
        try:
            result = run_code(run, language, _Stoppable(self.sandbox, context), self.cache)
        except RunRefusedError as error:
            raise JobFailedError(str(error)) from error
        except SandboxError as error:
            raise TransientJobError(f"the sandbox failed: {error}") from error
        return Outcome(wire.result_to_json(result))


class _Stoppable:
    """A sandbox whose session is killed when the job must stop, and never once it has been given back."""

    def __init__(self, sandbox: Sandbox, context: JobContext) -> None:
        self._sandbox = sandbox
        self._context = context
        self._lock = threading.Lock()
        self._session: SandboxSession | None = None

    @contextmanager
    def session(self, language: Language) -> Iterator[SandboxSession]:
        """Take a box for ``language``."""
        with self._sandbox.session(language) as session:
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
