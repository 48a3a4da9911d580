"""Questions and titles are written as one text and read again as they were."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import pytest

from domain.content.questions import Difficulty, Question, QuestionTest, dump_questions, parse_questions
from domain.content.records import Changes, compare_records
from domain.content.titles import Role, Title, dump_titles, parse_titles

QUESTION = Question(
    id="sum",
    title="Sum ü",
    difficulty=Difficulty.VERY_HARD,
    category="arithmetic",
    texts={"prompt": "Add\nthem."},
    starter={"python": "print()"},
    compare="tokens",
    tests=(QuestionTest("a", "1\n", "2\n", is_hidden=False), QuestionTest("b", "", "", is_hidden=True)),
)
TITLE = Title("yard", "Yard", "Engines.", date(2026, 2, 1), 92, ("drama",), (Role("Ada", "herself"),))


def test_questions_are_read_as_they_were_written() -> None:
    other = replace(QUESTION, id="difference")

    assert parse_questions(dump_questions([QUESTION, other])) == {"difference": other, "sum": QUESTION}


def test_titles_are_read_as_they_were_written() -> None:
    other = replace(TITLE, id="depot", cast=())

    assert parse_titles(dump_titles([TITLE, other])) == {"depot": other, "yard": TITLE}


def test_the_same_records_have_the_same_text_whatever_their_order() -> None:
    questions = [QUESTION, replace(QUESTION, id="difference")]

    assert dump_questions(questions) == dump_questions(questions[::-1])


@pytest.mark.parametrize("parse", [parse_questions, parse_titles])
@pytest.mark.parametrize(
    "content",
    [
        b"", b"{}x", b"1", b"[1]", b"[" * 100_000, b'[{"id": "sum"}]',
        b'[{"id": "sum", "tests": 1, "difficulty": "easy"}]',
    ],
)  # fmt: skip
def test_what_is_no_set_is_refused(parse: Callable[[bytes], object], content: bytes) -> None:
    with pytest.raises(ValueError, match=r"no such records|Expecting value|Extra data"):
        parse(content)


def test_changes_are_named() -> None:
    old = {"a": 1, "b": 2, "c": 3}
    new = {"b": 2, "c": 4, "d": 5, "e": 6}

    assert compare_records(old, new) == Changes(added=("d", "e"), changed=("c",), removed=("a",))
