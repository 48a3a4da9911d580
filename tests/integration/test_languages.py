"""Every language's folder keeps its promises in a real container, and so must the one added tomorrow."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.box_pool import PoolOptions
from adapters.compile_cache import FileCompileCache
from adapters.docker_sandbox import DockerOptions, DockerSandbox
from adapters.language_folder import language_names, load_languages
from domain.code_runs.cache import CompileCache
from domain.code_runs.judge import run_code
from domain.code_runs.languages import Language
from domain.code_runs.model import Case, CodeRun, Compare, RunResult, SourceFile, Verdict
from tests.sandboxes import IMAGES_DIR, shipped_languages

DATA = SourceFile("data.txt", b"from beside\n")

every_language = pytest.mark.parametrize("name", language_names(IMAGES_DIR))


@pytest.fixture(scope="module")
def languages() -> dict[str, Language]:
    return shipped_languages()


@pytest.fixture(scope="module")
def sandbox(languages: dict[str, Language]) -> Iterator[DockerSandbox]:
    boxes = DockerSandbox(DockerOptions(images_dir=IMAGES_DIR), PoolOptions(size=4))
    yield boxes
    boxes.close()


@pytest.fixture
def cache(tmp_path: Path) -> CompileCache:
    return FileCompileCache(tmp_path, 1 << 28)


@every_language
def test_hello_is_accepted_and_the_exact_version_is_told(
    name: str, languages: dict[str, Language], sandbox: DockerSandbox, cache: CompileCache
) -> None:
    run = a_run(languages[name], "hello", expected=b"hello\n")

    result = run_code(run, languages[name], sandbox, cache)

    assert result.verdict is Verdict.ACCEPTED, describe(result)
    declared = load_languages(IMAGES_DIR)[name].version
    assert f"{result.language_version}.".startswith(f"{declared}.")


@every_language
def test_a_program_sees_stdin_arguments_and_files_and_its_exit_code_and_stderr_are_seen(
    name: str, languages: dict[str, Language], sandbox: DockerSandbox, cache: CompileCache
) -> None:
    run = a_run(languages[name], "everything")
    run = replace(run, files=(DATA,), args=("-x", "two words", "{memory_mib}", "$HOME;`id`"))
    run = replace(run, cases=(Case("a", b"a line\n", None), Case("none", b"", None)))

    result = run_code(run, languages[name], sandbox, cache)

    assert result.verdict is Verdict.RUNTIME_ERROR, describe(result)
    after_stdin = b"-x\ntwo words\n{memory_mib}\n$HOME;`id`\nfrom beside\n"
    assert [case.execution.stdout for case in result.cases] == [b"a line\n" + after_stdin, after_stdin]
    assert [case.execution.stderr for case in result.cases] == [b"to stderr\n"] * 2
    assert [case.execution.exit_code for case in result.cases] == [3, 3]


@every_language
def test_a_faulty_program_is_refused_by_the_compiler_or_else_fails_when_it_runs(
    name: str, languages: dict[str, Language], sandbox: DockerSandbox, cache: CompileCache
) -> None:
    language = languages[name]

    result = run_code(a_run(language, "broken"), language, sandbox, cache)

    is_compiled = language.compile_command is not None
    assert result.verdict is (Verdict.COMPILE_ERROR if is_compiled else Verdict.RUNTIME_ERROR), describe(result)
    execution = result.compilation if is_compiled else result.cases[0].execution
    assert execution is not None
    assert execution.stderr + execution.stdout


@every_language
def test_what_was_compiled_once_comes_from_the_cache_the_second_time(
    name: str, languages: dict[str, Language], sandbox: DockerSandbox, cache: CompileCache
) -> None:
    language = languages[name]
    run = replace(a_run(language, "everything"), files=(DATA,))

    first = run_code(run, language, sandbox, cache)
    second = run_code(run, language, sandbox, cache)

    is_compiled = language.compile_command is not None
    assert [first.is_compile_cached, second.is_compile_cached] == [False, is_compiled]
    assert second.compilation is None
    assert second.cases[0].execution.stdout == first.cases[0].execution.stdout == b"from beside\n"


@every_language
def test_a_program_that_prints_without_end_meets_the_output_limit(
    name: str, languages: dict[str, Language], sandbox: DockerSandbox, cache: CompileCache
) -> None:
    """The shortest way to see that a limit reaches the program, whatever starts it."""
    language = languages[name]
    run = a_run(language, "everything")
    run = replace(run, files=(DATA,), cases=(Case("long", b"line\n" * 4096, None),))

    result = run_code(replace(run, limits=replace(run.limits, output_bytes=1000)), language, sandbox, cache)

    assert result.verdict is Verdict.OUTPUT_LIMIT, describe(result)
    assert result.cases[0].execution.stdout == b"line\n" * 200


def a_run(language: Language, example: str, expected: bytes | None = None) -> CodeRun:
    suffix = Path(language.file_name).suffix
    return CodeRun(
        language=language.name,
        source=(IMAGES_DIR / language.name / "examples" / f"{example}{suffix}").read_bytes(),
        files=(),
        args=(),
        cases=(Case("only", b"", expected),),
        compare=Compare.EXACT,
        limits=language.limits,
    )


def describe(result: RunResult) -> str:
    executions = [result.compilation, *(case.execution for case in result.cases)]
    return "\n".join(f"{execution!r}" for execution in executions if execution is not None)
