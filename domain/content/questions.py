"""Questions: a problem in words, where to begin in each language, and the tests that an answer has to pass."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum

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


@dataclass(frozen=True, slots=True)
class Changes:
    """How two sets of records differ: their ids, each list in order."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def dump_questions(questions: Sequence[Question]) -> bytes:
    """Return questions as the one JSON text that they have; their order makes no difference."""
    records = [asdict(question) for question in sorted(questions, key=lambda question: question.id)]
    return json.dumps(records, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def parse_questions(content: bytes) -> dict[str, Question]:
    """Return the questions of ``dump_questions`` by their ids, in the order of these.

    Raises:
        ValueError: it is something else.
    """
    try:
        records = [_question(record) for record in json.loads(content)]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no questions: {error!r}") from error
    return {question.id: question for question in records}


def compare_records(old: Mapping[str, object], new: Mapping[str, object]) -> Changes:
    """Say what publishing ``new`` in place of ``old`` would change."""
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(key for key in old.keys() & new.keys() if old[key] != new[key])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )


def _question(record: dict[str, object]) -> Question:
    tests = record.pop("tests")
    difficulty = Difficulty(str(record.pop("difficulty")))
    if not isinstance(tests, list):
        raise TypeError("tests must be a list")
    return Question(**record, difficulty=difficulty, tests=tuple(QuestionTest(**test) for test in tests))  # type: ignore[arg-type]  # As dumped.
