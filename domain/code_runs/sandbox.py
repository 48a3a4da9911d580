"""What the rules need from a sandbox; ``adapters.docker_sandbox`` and ``adapters.namespace_sandbox`` provide it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from domain.code_runs.languages import Language
from domain.code_runs.model import Execution, Limits, SourceFile


class SandboxError(Exception):
    """The sandbox could not do its work, through no fault of the program; the run may be tried again."""


class SandboxKilledError(Exception):
    """``SandboxSession.kill`` ended the session (the job was cancelled, or the worker is draining)."""


class SandboxSession(Protocol):
    """One clean box for one code run. Calls come from one thread, in the order written here, except ``kill``.

    Everything raises ``SandboxError`` when the box breaks and ``SandboxKilledError`` after ``kill``.
    """

    def load(self, files: Sequence[SourceFile]) -> None:
        """Put files where ``compile`` works and, for an interpreted language, where ``run`` works."""

    def compile(self, argv: Sequence[str], limits: Limits) -> Execution:
        """Run the compiler on the loaded files; on exit code 0 its output is kept for ``artefact`` and ``run``."""

    def artefact(self) -> bytes:
        """Return what ``compile`` made, as a tar of regular files only, to be cached."""

    def install(self, artefact: bytes) -> None:
        """Put an earlier session's ``artefact`` in place of ``load`` of the source and ``compile``."""

    def run(self, argv: Sequence[str], stdin: bytes, limits: Limits) -> Execution:
        """Run the program once on ``stdin``; nothing that an earlier call left behind is seen by the next."""

    def kill(self) -> None:
        """End every process of the box at once, from any thread; idempotent."""


class Sandbox(Protocol):
    """A place where untrusted programs run."""

    def session(self, language: Language) -> AbstractContextManager[SandboxSession]:
        """Take a clean box for ``language`` (waiting for one if need be); leaving the block gives it back."""

    def close(self) -> None:
        """Kill and remove every box that this process made; idempotent."""
