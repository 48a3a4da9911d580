"""What a code run is asked to do and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Verdict(StrEnum):
    """The judgement of a case or of a whole run.

    A run's verdict is that of its first case that was not accepted. A case without an expected output is accepted
    when the program ends with exit code 0 within its limits.
    """

    ACCEPTED = "accepted"
    WRONG_ANSWER = "wrong_answer"
    COMPILE_ERROR = "compile_error"
    RUNTIME_ERROR = "runtime_error"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"


class Compare(StrEnum):
    """How a case's output is held against what was expected; ``domain.code_runs.compare`` has the rules."""

    EXACT = "exact"
    LINES = "lines"
    TOKENS = "tokens"
    FLOAT = "float"


class LimitHit(StrEnum):
    """Which limit ended a process."""

    TIME = "time"
    MEMORY = "memory"
    OUTPUT = "output"


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one process tree: a compilation, or one case.

    ``cpu_s`` counts all threads and children together; ``output_bytes`` holds for stdout and stderr each;
    ``file_bytes`` is the size of the largest file that may be written.
    """

    cpu_s: float
    wall_s: float
    memory_bytes: int
    processes: int
    output_bytes: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class SourceFile:
    """A file beside the program. ``name`` is a plain file name: no directory, no NUL, at most 255 bytes."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class Case:
    """One input, and the output that it should give (``None``: any output is right).

    Of a hidden case nobody is shown more than name, verdict and usage.
    """

    name: str
    stdin: bytes
    expected_stdout: bytes | None
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class QuestionRevision:
    """The question that a run's cases are the tests of, and the revision of the set that it was taken from."""

    id: str
    revision: str


@dataclass(frozen=True, slots=True)
class CodeRun:
    """A program, and the cases to run it on (at least one); ``question`` if they are a question's tests."""

    language: str
    source: bytes
    files: tuple[SourceFile, ...]
    args: tuple[str, ...]
    cases: tuple[Case, ...]
    compare: Compare
    limits: Limits
    question: QuestionRevision | None = None

    @property
    def has_secrets(self) -> bool:
        """Tell whether there is something that the run's owner must not get to see."""
        return any(case.is_hidden for case in self.cases)


@dataclass(frozen=True, slots=True)
class Usage:
    """What a process tree took: CPU of all its processes, wall clock, and peak resident memory."""

    cpu_s: float
    wall_s: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Execution:
    """How a process tree ended inside the sandbox; plain facts, no judgement.

    Exactly one of ``exit_code`` and ``signal`` is set. ``limit_hit`` names the limit for which the sandbox
    killed it (the kill then shows as ``signal`` 9). The outputs hold the prefix up to ``Limits.output_bytes``.
    """

    stdout: bytes
    stderr: bytes
    is_stdout_truncated: bool
    is_stderr_truncated: bool
    exit_code: int | None
    signal: int | None
    limit_hit: LimitHit | None
    usage: Usage


@dataclass(frozen=True, slots=True)
class CaseResult:
    """A case's verdict and the facts that it rests on."""

    name: str
    verdict: Verdict
    execution: Execution
    is_hidden: bool = False


@dataclass(frozen=True, slots=True)
class RunResult:
    """The answer to a code run.

    ``compilation`` is ``None`` for an interpreted language and for an artefact taken from the compile cache
    (``is_compile_cached`` tells the two apart). ``cases`` is empty after a compile error. ``question`` is the run's.
    """

    verdict: Verdict
    language: str
    language_version: str
    compilation: Execution | None
    is_compile_cached: bool
    cases: tuple[CaseResult, ...]
    question: QuestionRevision | None = None
