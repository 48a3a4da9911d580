"""The shipped questions can be answered: their own solutions pass all of their tests, and wrong ones are caught."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from adapters.box_pool import PoolOptions
from adapters.compile_cache import FileCompileCache
from adapters.content_folder import read_content, solutions, wrong_solutions
from adapters.docker_sandbox import DockerOptions, DockerSandbox
from config.settings import REPOSITORY
from domain.code_runs.judge import run_code
from domain.code_runs.languages import Language
from domain.code_runs.model import Case, CodeRun, Compare, RunResult, Verdict
from domain.content.questions import Question
from tests.sandboxes import IMAGES_DIR, shipped_languages

CONTENT = REPOSITORY / "config" / "content"
QUESTIONS = {question.id: question for question in read_content(CONTENT).questions or ()}

Judge = Callable[[Question, str, str], RunResult]


@pytest.fixture(scope="module")
def languages() -> dict[str, Language]:
    return shipped_languages()


@pytest.fixture(scope="module")
def sandbox(languages: dict[str, Language]) -> Iterator[DockerSandbox]:
    boxes = DockerSandbox(DockerOptions(images_dir=IMAGES_DIR), PoolOptions(size=4))
    yield boxes
    boxes.close()


@pytest.fixture
def judge(languages: dict[str, Language], sandbox: DockerSandbox, tmp_path: Path) -> Judge:
    """Run a program in a language on all tests of a question."""
    cache = FileCompileCache(tmp_path, 1 << 28)

    def run(question: Question, language: str, source: str) -> RunResult:
        cases = tuple(Case(test.name, test.stdin.encode(), test.expected_stdout.encode()) for test in question.tests)
        compare = Compare(question.compare)
        limits = languages[language].limits
        code_run = CodeRun(language, source.encode(), (), (), cases, compare, limits)
        return run_code(code_run, languages[language], sandbox, cache)

    return run


def programs(of_question: Callable[[Path, str], Mapping[str, str]]) -> pytest.MarkDecorator:
    """Return a test's parameters, those of one language next to each other: boxes are kept by language."""
    found = [(language, question_id) for question_id in QUESTIONS for language in of_question(CONTENT, question_id)]
    return pytest.mark.parametrize(("language", "question_id"), sorted(found))


@programs(solutions)
def test_a_solution_passes_every_test(language: str, question_id: str, judge: Judge) -> None:
    question = QUESTIONS[question_id]

    result = judge(question, language, solutions(CONTENT, question_id)[language])

    assert result.verdict is Verdict.ACCEPTED, describe(result)
    assert [case.verdict for case in result.cases] == [Verdict.ACCEPTED] * len(question.tests)


@programs(wrong_solutions)
def test_a_wrong_solution_passes_some_tests_and_is_caught(language: str, question_id: str, judge: Judge) -> None:
    question = QUESTIONS[question_id]

    result = judge(question, language, wrong_solutions(CONTENT, question_id)[language])

    assert result.verdict is Verdict.WRONG_ANSWER, describe(result)
    assert {case.verdict for case in result.cases} == {Verdict.ACCEPTED, Verdict.WRONG_ANSWER}


@programs(lambda _, question_id: QUESTIONS[question_id].starter)
def test_a_starter_compiles_reads_and_prints(language: str, question_id: str, judge: Judge) -> None:
    question = QUESTIONS[question_id]

    result = judge(replace(question, tests=question.tests[:1]), language, question.starter[language])

    assert result.verdict is Verdict.WRONG_ANSWER, describe(result)


def describe(result: RunResult) -> str:
    told = [] if result.compilation is None else [result.compilation.stderr.decode()]
    told += [
        f"{case.name}: {case.verdict}, {case.execution.usage}, {case.execution.stderr[-500:].decode()!r}"
        for case in result.cases
    ]
    return "\n".join(told)
