"""Judge a code run: compile it once, run it on every case, and hold the facts against the rules.

Every case is run and gets its verdict, whatever became of the cases before it: each has its own limits, and who
mends a program wants to know all that is wrong. Only a failed compilation ends a run early. The expected outputs stay
here; into the sandbox go the program, its files, and one case's input at a time.
"""

from __future__ import annotations

import io
import tarfile

from domain.code_runs.cache import CompileCache, cache_key
from domain.code_runs.compare import matches
from domain.code_runs.languages import Language, file_name_fault, run_argv
from domain.code_runs.model import (
    Case,
    CaseResult,
    CodeRun,
    Compare,
    Execution,
    LimitHit,
    RunResult,
    SourceFile,
    Verdict,
)
from domain.code_runs.sandbox import Sandbox, SandboxSession

_OF_LIMIT = {
    LimitHit.TIME: Verdict.TIME_LIMIT,
    LimitHit.MEMORY: Verdict.MEMORY_LIMIT,
    LimitHit.OUTPUT: Verdict.OUTPUT_LIMIT,
}


class RunRefusedError(ValueError):
    """The run asks for what cannot be done; its author must change it. Nothing was started."""


def run_code(run: CodeRun, language: Language, sandbox: Sandbox, cache: CompileCache) -> RunResult:
    """Do ``run`` in a box of its own and judge it.

    Raises:
        RunRefusedError: a file's name is taken.
        SandboxError: the sandbox broke; trying again may help.
        SandboxKilledError: the session was killed by another thread.
    """
    _check_names(run, language)
    with sandbox.session(language) as session:
        if language.compile_command is None:
            session.load([SourceFile(language.file_name, run.source), *run.files])
            return _run_cases(session, run, language)
        compilation = _provide_program(session, run, language, cache)
        if compilation is not None and not is_success(compilation):
            return _compile_error(run, language, compilation)
        if run.files:
            session.install(_pack(run.files))
        return _run_cases(session, run, language, compilation)


def is_success(execution: Execution) -> bool:
    """Say whether a process ended by itself, within its limits, with exit code 0."""
    return execution.limit_hit is None and execution.exit_code == 0


def judge_case(execution: Execution, expected: bytes | None, compare: Compare) -> Verdict:
    """Give one case's verdict: time, memory, output, signal, exit code, and only then what was printed.

    In this order because each explains the ones after it: a process killed for a limit also ends by a signal, and
    one that crashed has not printed all that it would have.
    """
    if execution.limit_hit is not None:
        return _OF_LIMIT[execution.limit_hit]
    if execution.is_stdout_truncated or execution.is_stderr_truncated:
        return Verdict.OUTPUT_LIMIT
    if execution.signal is not None or execution.exit_code != 0:
        return Verdict.RUNTIME_ERROR
    if expected is not None and not matches(execution.stdout, expected, compare):
        return Verdict.WRONG_ANSWER
    return Verdict.ACCEPTED


def _check_names(run: CodeRun, language: Language) -> None:
    names = [file.name for file in run.files]
    for name in names:
        fault = file_name_fault(language, name)
        if fault is None and names.count(name) > 1:
            fault = f"{name} is there twice"
        if fault is not None:
            raise RunRefusedError(fault)


def _provide_program(
    session: SandboxSession, run: CodeRun, language: Language, cache: CompileCache
) -> Execution | None:
    """Put the compiled program in place; return how compiling went, or ``None`` when it came from the cache."""
    key = cache_key(run, language)
    artefact = cache.get(key)
    if artefact is not None:
        session.install(artefact)
        return None
    session.load([SourceFile(language.file_name, run.source), *run.files])
    compilation = session.compile(language.compile_command or (), language.compile_limits)
    if is_success(compilation):
        cache.put(key, session.artefact())
    return compilation


def _pack(files: tuple[SourceFile, ...]) -> bytes:
    """Make an archive of the files beside the program, which it may want to read when it runs."""
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w", format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            info = tarfile.TarInfo(file.name)
            info.size = len(file.content)
            info.mode = 0o444
            tar.addfile(info, io.BytesIO(file.content))
    return archive.getvalue()


def _run_cases(
    session: SandboxSession, run: CodeRun, language: Language, compilation: Execution | None = None
) -> RunResult:
    argv = run_argv(language, run.args, run.limits)
    cases = tuple(_run_case(session, argv, case, run) for case in run.cases)
    wrong = (case.verdict for case in cases if case.verdict is not Verdict.ACCEPTED)
    return RunResult(
        verdict=next(wrong, Verdict.ACCEPTED),
        language=language.name,
        language_version=language.version,
        compilation=compilation,
        is_compile_cached=language.compile_command is not None and compilation is None,
        cases=cases,
        question=run.question,
    )


def _run_case(session: SandboxSession, argv: list[str], case: Case, run: CodeRun) -> CaseResult:
    execution = session.run(argv, case.stdin, run.limits)
    verdict = judge_case(execution, case.expected_stdout, run.compare)
    return CaseResult(case.name, verdict, execution, case.is_hidden)


def _compile_error(run: CodeRun, language: Language, compilation: Execution) -> RunResult:
    return RunResult(
        verdict=Verdict.COMPILE_ERROR,
        language=language.name,
        language_version=language.version,
        compilation=compilation,
        is_compile_cached=False,
        cases=(),
        question=run.question,
    )
