"""Questions: a problem in words, where to begin in each language, and the tests that an answer has to pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum

from domain.content.records import dump_records, parse_records

SET = "questions"
"""The content set's name."""


class Difficulty(StrEnum):
    """How hard a question is."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"
    VERY_HARD = "very-hard"


@dataclass(frozen=True, slots=True)
class QuestionTest:
    """An input on stdin and the output that it should give. A hidden one is run, and not shown."""

    name: str
    stdin: str
    expected_stdout: str
    is_hidden: bool


@dataclass(frozen=True, slots=True)
class Question:
    """A question.

    ``texts`` are in Markdown, by name: ``prompt``, and perhaps others (``hints``, ``explanation`` ...). ``starter``
    has a program to begin with by language. ``compare`` is one of the rules of code runs.
    """

    id: str
    title: str
    difficulty: Difficulty
    category: str
    texts: Mapping[str, str]
    starter: Mapping[str, str]
    compare: str
    tests: tuple[QuestionTest, ...]


def dump_questions(questions: Iterable[Question]) -> bytes:
    """Return questions as their set's content."""
    return dump_records(map(asdict, questions))


def parse_questions(content: bytes) -> dict[str, Question]:
    """Return the questions of ``dump_questions`` by their ids, in the order of these.

    Raises:
        ValueError: it is something else.
    """
    return parse_records(content, _question)


def _question(record: dict[str, object]) -> Question:
    tests = record.pop("tests")
    difficulty = Difficulty(str(record.pop("difficulty")))
    if not isinstance(tests, list):
        raise TypeError("tests must be a list")
    # The other fields are as dump_questions wrote them; the checksum of the set says that nobody else did.
    return Question(**record, difficulty=difficulty, tests=tuple(QuestionTest(**test) for test in tests))  # type: ignore[arg-type]
