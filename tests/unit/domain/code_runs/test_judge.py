"""How a run is judged, on a sandbox that runs plain processes."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.code_runs.cache import cache_key
from domain.code_runs.judge import RunRefusedError, judge_case, run_code
from domain.code_runs.languages import HOST, Language, run_argv
from domain.code_runs.model import (
    Case,
    CodeRun,
    Compare,
    Execution,
    LimitHit,
    Limits,
    SourceFile,
    Usage,
    Verdict,
)
from domain.code_runs.sandbox import SandboxError
from tests.fakes import FakeSandbox

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
# The "compiler" checks the syntax and copies.
COMPILED = replace(
    SHELL,
    compile_command=("sh", "-c", "sh -n main.sh && cp main.sh /box/out/.program"),
    run_command=("sh", "/box/app/.program"),
)
FINE = Execution(b"out", b"", False, False, 0, None, None, Usage(0.1, 0.1, 1 << 20))


class DictCache:
    """A cache that never forgets."""

    def __init__(self) -> None:
        self.artefacts: dict[str, bytes] = {}

    def get(self, key: str) -> bytes | None:
        return self.artefacts.get(key)

    def put(self, key: str, artefact: bytes) -> None:
        self.artefacts[key] = artefact


def a_run(source: str, *cases: tuple[str, str | None]) -> CodeRun:
    return CodeRun(
        language="shell",
        source=source.encode(),
        files=(),
        args=(),
        cases=tuple(
            Case(f"case {number}", stdin.encode(), None if expected is None else expected.encode())
            for number, (stdin, expected) in enumerate(cases or (("", None),))
        ),
        compare=Compare.TOKENS,
        limits=LIMITS,
    )


@pytest.mark.parametrize(
    ("execution", "verdict"),
    [
        (FINE, Verdict.ACCEPTED),
        (replace(FINE, limit_hit=LimitHit.TIME, exit_code=None, signal=9), Verdict.TIME_LIMIT),
        (replace(FINE, limit_hit=LimitHit.TIME, is_stdout_truncated=True), Verdict.TIME_LIMIT),
        (replace(FINE, limit_hit=LimitHit.MEMORY, exit_code=None, signal=9), Verdict.MEMORY_LIMIT),
        (replace(FINE, limit_hit=LimitHit.OUTPUT, exit_code=None, signal=9), Verdict.OUTPUT_LIMIT),
        (replace(FINE, is_stdout_truncated=True), Verdict.OUTPUT_LIMIT),
        (replace(FINE, is_stderr_truncated=True, exit_code=1), Verdict.OUTPUT_LIMIT),
        (replace(FINE, exit_code=None, signal=11), Verdict.RUNTIME_ERROR),
        (replace(FINE, exit_code=3), Verdict.RUNTIME_ERROR),
        (replace(FINE, exit_code=137), Verdict.RUNTIME_ERROR),
        (replace(FINE, stdout=b"other"), Verdict.WRONG_ANSWER),
    ],
)
def test_a_case_is_judged_by_what_explains_the_rest(execution: Execution, verdict: Verdict) -> None:
    assert judge_case(execution, b"out", Compare.EXACT) is verdict


def test_any_output_is_right_when_none_is_expected() -> None:
    assert judge_case(FINE, None, Compare.EXACT) is Verdict.ACCEPTED


def test_every_case_is_run_and_the_first_that_fails_names_the_verdict() -> None:
    run = a_run("read x; [ $x != crash ] || exit 1; echo $x", ("a", "a"), ("b", "c"), ("crash", ""), ("d", "d"))

    result = run_code(run, SHELL, FakeSandbox(), DictCache())

    assert result.verdict is Verdict.WRONG_ANSWER
    assert [case.verdict for case in result.cases] == [
        Verdict.ACCEPTED,
        Verdict.WRONG_ANSWER,
        Verdict.RUNTIME_ERROR,
        Verdict.ACCEPTED,
    ]


def test_a_program_is_compiled_once_for_all_cases() -> None:
    sandbox = FakeSandbox()

    result = run_code(a_run("cat", ("1", "1"), ("2", "2")), COMPILED, sandbox, DictCache())

    assert result.verdict is Verdict.ACCEPTED
    assert sandbox.sessions[0].calls == ["load", "compile", "artefact", "run", "run"]


def test_a_program_compiled_before_is_taken_from_the_cache() -> None:
    sandbox, cache = FakeSandbox(), DictCache()
    run_code(a_run("cat"), COMPILED, sandbox, cache)

    result = run_code(a_run("cat", ("1", "1")), COMPILED, sandbox, cache)

    assert result.verdict is Verdict.ACCEPTED
    assert result.is_compile_cached
    assert result.compilation is None
    assert sandbox.sessions[1].calls == ["install", "run"]


def test_a_compile_error_runs_no_case_and_is_not_cached() -> None:
    sandbox, cache = FakeSandbox(), DictCache()

    result = run_code(a_run("if"), COMPILED, sandbox, cache)

    assert result.verdict is Verdict.COMPILE_ERROR
    assert result.cases == ()
    assert result.compilation is not None
    assert result.compilation.stderr
    assert sandbox.sessions[0].calls == ["load", "compile"]
    assert cache.artefacts == {}


def test_a_compilation_stopped_for_a_limit_is_a_compile_error() -> None:
    slow = replace(COMPILED, compile_command=("sleep", "9"), compile_limits=replace(LIMITS, wall_s=0.1))

    result = run_code(a_run("cat"), slow, FakeSandbox(), DictCache())

    assert result.verdict is Verdict.COMPILE_ERROR
    assert result.compilation is not None
    assert result.compilation.limit_hit is LimitHit.TIME


@pytest.mark.parametrize("language", [SHELL, COMPILED])
def test_a_program_finds_the_files_beside_it_whether_cached_or_not(language: Language) -> None:
    cache = DictCache()
    run = replace(a_run("cat data.txt", ("", "beside")), files=(SourceFile("data.txt", b"beside"),))

    results = [run_code(run, language, FakeSandbox(), cache) for _ in range(2)]

    assert [result.verdict for result in results] == [Verdict.ACCEPTED] * 2


@pytest.mark.parametrize("names", [("main.sh",), (".program",), (".program.jar",), ("a", "a")])
def test_a_file_whose_name_is_taken_is_refused_before_anything_starts(names: tuple[str, ...]) -> None:
    sandbox = FakeSandbox()
    run = replace(a_run("cat"), files=tuple(SourceFile(name, b"") for name in names))

    with pytest.raises(RunRefusedError, match=r"main\.sh|\.program|twice"):
        run_code(run, COMPILED, sandbox, DictCache())

    assert sandbox.sessions == []


def test_a_broken_sandbox_is_no_verdict() -> None:
    with pytest.raises(SandboxError):
        run_code(a_run("cat"), SHELL, FakeSandbox(failures=1), DictCache())


def test_the_memory_limit_is_told_to_the_runtime_but_never_put_into_the_users_arguments() -> None:
    language = replace(SHELL, run_command=("java", "-Xmx{memory_mib}m"))

    argv = run_argv(language, ["{memory_mib}"], replace(LIMITS, memory_bytes=300 << 20))

    assert argv == ["java", "-Xmx300m", "{memory_mib}"]


def test_the_cache_key_changes_with_everything_that_decides_the_artefact() -> None:
    run = replace(a_run("cat"), files=(SourceFile("a", b"1"),))
    others = [
        (replace(run, source=b"cat "), COMPILED),
        (replace(run, files=()), COMPILED),
        (replace(run, files=(SourceFile("a", b"2"),)), COMPILED),
        (replace(run, files=(SourceFile("b", b"1"),)), COMPILED),
        (replace(run, files=(SourceFile("a1", b""),)), COMPILED),
        (run, replace(COMPILED, name="other")),
        (run, replace(COMPILED, version="2")),
        (run, replace(COMPILED, image=HOST)),
        (run, replace(COMPILED, fingerprint="2")),
        (run, replace(COMPILED, compile_command=("cc",))),
    ]

    keys = {cache_key(run, COMPILED), *(cache_key(*other) for other in others)}

    assert len(keys) == 1 + len(others)


def test_the_cache_key_ignores_what_the_compiler_does_not_see() -> None:
    files = (SourceFile("a", b"1"), SourceFile("b", b"2"))
    run = replace(a_run("cat"), files=files)

    same = replace(run, files=files[::-1], args=("x",), cases=(), compare=Compare.EXACT)

    assert cache_key(run, COMPILED) == cache_key(same, COMPILED)
