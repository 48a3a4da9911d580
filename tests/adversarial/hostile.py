"""What a hostile program is, and the conditions that its result is held against."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from domain.code_runs.model import Case, CodeRun, Compare, Limits, RunResult, SourceFile, Verdict

PROGRAMS = Path(__file__).parent / "programs"

# Short, so that the whole table takes minutes; wide enough for a busy machine to finish what is meant to finish.
SHORT = Limits(cpu_s=0.5, wall_s=1.5, memory_bytes=64 << 20, processes=20, output_bytes=16384, file_bytes=16 << 20)
# For programs that are meant to reach their end, and for runtimes that take longer to start.
ROOMY = replace(SHORT, cpu_s=5.0, wall_s=10.0, memory_bytes=256 << 20, processes=64)

Check = Callable[[RunResult], bool]


@dataclass(frozen=True, slots=True)
class Hostile:
    """A program of ``programs/`` and what must become of it.

    ``origin`` names the project in whose tests or incident history the idea is found ("own": nowhere but here).
    ``expected_stdout`` makes the verdict depend on it: forbidden things print "refused" when all were refused.
    ``compile_limits`` replace the language's own ones.
    """

    name: str
    program: str
    origin: str
    verdicts: frozenset[Verdict]
    checks: tuple[Check, ...] = ()
    expected_stdout: bytes | None = None
    limits: Limits = SHORT
    compile_limits: Limits | None = None
    stdin: bytes = b""
    files: tuple[SourceFile, ...] = ()

    @property
    def language(self) -> str:
        return LANGUAGE_OF[Path(self.program).suffix]

    def code_run(self) -> CodeRun:
        return code_run(
            self.language,
            (PROGRAMS / self.program).read_bytes(),
            limits=self.limits,
            files=self.files,
            cases=(Case("hostile", self.stdin, self.expected_stdout),),
        )


LANGUAGE_OF = {
    ".py": "python",
    ".txt": "python",
    ".c": "c",
    ".cpp": "cpp",
    ".sh": "bash",
    ".java": "java",
    ".rs": "rust",
    ".go": "go",
    ".js": "javascript",
    ".cs": "csharp",
}


def code_run(
    language: str,
    source: bytes,
    *,
    cases: tuple[Case, ...],
    limits: Limits = ROOMY,
    files: tuple[SourceFile, ...] = (),
    args: tuple[str, ...] = (),
) -> CodeRun:
    return CodeRun(
        language=language,
        source=source,
        files=files,
        args=args,
        cases=cases,
        compare=Compare.EXACT,
        limits=limits,
    )


def everything_shown(result: RunResult) -> bytes:
    """Return all that the author of the program gets to read."""
    executions = [case.execution for case in result.cases]
    executions += [result.compilation] if result.compilation else []
    return b"".join(execution.stdout + execution.stderr for execution in executions)


def ends_by(*signals: int) -> Check:
    return lambda result: result.cases[0].execution.signal in signals


def exits_with(*codes: int) -> Check:
    return lambda result: result.cases[0].execution.exit_code in codes


def prints(text: bytes) -> Check:
    return lambda result: result.cases[0].execution.stdout == text


def complains(text: bytes) -> Check:
    return lambda result: text in result.cases[0].execution.stderr


def compiler_complains(result: RunResult) -> bool:
    return result.compilation is not None and bool(result.compilation.stderr or result.compilation.stdout)


def keeps_prefix(stream: str, pattern: bytes) -> Check:
    """Hold when exactly the first ``output_bytes`` of an endless repetition of ``pattern`` were kept, and flagged."""

    def check(result: RunResult) -> bool:
        execution = result.cases[0].execution
        kept: bytes = getattr(execution, stream)
        whole = pattern * (SHORT.output_bytes // len(pattern) + 1)
        is_flagged: bool = getattr(execution, f"is_{stream}_truncated")
        return is_flagged and kept == whole[: SHORT.output_bytes]

    return check


def compile_output_is_capped(result: RunResult) -> bool:
    execution = result.compilation
    return execution is not None and (execution.is_stderr_truncated or execution.is_stdout_truncated)


def cpu_is_about(seconds: float) -> Check:
    return lambda result: seconds * 0.9 <= result.cases[0].execution.usage.cpu_s <= seconds + 0.5


def little_cpu(result: RunResult) -> bool:
    return result.cases[0].execution.usage.cpu_s < 0.4
