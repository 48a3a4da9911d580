"""What is shipped to begin with can be published as it is, and is enough to begin with."""

from __future__ import annotations

import re

import pytest

from adapters.content_folder import ContentFolder, read_content, solutions, wrong_solutions
from adapters.language_folder import language_names
from config.settings import REPOSITORY
from domain.content.questions import Difficulty, Question
from domain.content.titles import Title

CONTENT = REPOSITORY / "config" / "content"
IDS = sorted(path.name for path in (CONTENT / "questions").iterdir())
LANGUAGES = set(language_names(REPOSITORY / "sandbox_images"))
# Those that most people look for first.
STARTED = {"python", "javascript", "java", "cpp", "go"}
MAX_STDIN_BYTES = 20_000


@pytest.fixture(scope="module")
def content() -> ContentFolder:
    return read_content(CONTENT)


@pytest.fixture(scope="module")
def questions(content: ContentFolder) -> tuple[Question, ...]:
    return content.questions or ()


@pytest.fixture(scope="module")
def titles(content: ContentFolder) -> tuple[Title, ...]:
    return content.titles or ()


def test_there_are_questions_of_every_difficulty_and_of_many_categories(questions: tuple[Question, ...]) -> None:
    assert len(questions) >= 20
    assert {question.difficulty for question in questions} == set(Difficulty)
    assert len({question.category for question in questions}) >= 12
    assert len({question.title for question in questions}) == len(questions)


def test_every_question_says_what_it_wants_and_helps_to_find_it(questions: tuple[Question, ...]) -> None:
    for question in questions:
        assert question.texts.keys() >= {"prompt", "hints", "explanation"}, question.id
        headings = re.findall(r"^## (\w+)$", question.texts["prompt"], re.MULTILINE)
        assert headings == ["Input", "Output", "Constraints", "Example"], question.id
        assert re.search(r"\bO\(", question.texts["explanation"]), question.id
        assert question.starter.keys() >= STARTED, question.id
        assert question.starter.keys() <= LANGUAGES, question.id


def test_the_example_of_a_question_is_its_first_test(questions: tuple[Question, ...]) -> None:
    for question in questions:
        first, prompt = question.tests[0], question.texts["prompt"]

        assert re.findall(r"^```\n(.*?)^```$", prompt, re.MULTILINE | re.DOTALL) == [
            first.stdin, first.expected_stdout,
        ], question.id  # fmt: skip
        assert not first.is_hidden


def test_every_question_has_tests_to_see_and_tests_to_fear(questions: tuple[Question, ...]) -> None:
    for question in questions:
        hidden = [test for test in question.tests if test.is_hidden]

        assert len(hidden) >= 4, question.id
        assert len(question.tests) - len(hidden) >= 2, question.id
        assert max(len(test.stdin) for test in question.tests) < MAX_STDIN_BYTES, question.id


def test_every_question_is_solved_in_two_languages_and_every_language_solves_one() -> None:
    solved = {question_id: solutions(CONTENT, question_id).keys() for question_id in IDS}

    assert {question_id for question_id, languages in solved.items() if len(languages) < 2} == set()
    assert set().union(*solved.values()) == LANGUAGES


def test_some_questions_have_programs_that_must_not_pass() -> None:
    assert sum(bool(wrong_solutions(CONTENT, question_id)) for question_id in IDS) >= 5


def test_there_is_a_catalogue_to_begin_with(titles: tuple[Title, ...]) -> None:
    assert len(titles) >= 12
    assert len({title.name for title in titles}) == len(titles)
    for title in titles:
        assert len(title.description) > 80, title.id
        assert "\n" not in title.description, title.id
        assert title.cast, title.id
