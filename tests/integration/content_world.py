"""Content for tests: questions and titles of a publication that say themselves which one they belong to."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from adapters.blob_store import create_blob_store
from domain.content import questions, titles
from domain.content.blobs import BlobStore
from domain.content.questions import Difficulty, Question, QuestionTest, dump_questions
from domain.content.sets import Act, Edition, Pointer, publish
from domain.content.titles import Role, Title, dump_titles

SECRET = "the-hidden-input"
ANSWER = "the-hidden-output"
_TEST = '[[tests]]\nname = "%s"\nstdin = "1"\nexpected_stdout = "1"\nhidden = %s\n'


def make_question(number: int, mark: str = "first", difficulty: Difficulty = Difficulty.EASY) -> Question:
    return Question(
        id=f"question-{number}",
        title=f"{mark} {number}",
        difficulty=difficulty,
        category="arrays" if number % 2 else "strings",
        texts={"prompt": f"{mark} prompt", "hints": mark},
        starter={"python": f"# {mark}\n", "c": ""},
        compare="tokens",
        tests=(
            QuestionTest("hidden one", SECRET, ANSWER, is_hidden=True),
            QuestionTest("shown", "1 2", "3\n", is_hidden=False),
        ),
    )


def make_questions(count: int = 10, mark: str = "first") -> list[Question]:
    return [make_question(number, mark) for number in range(count)]


def make_titles(count: int = 3, mark: str = "first") -> list[Title]:
    cast = (Role("Ada", "herself"),)
    return [
        Title(f"title-{number}", f"{mark} {number}", mark, date(2026, 1, 1 + number), 90, ("drama",), cast)
        for number in range(count)
    ]


def publish_questions(store: BlobStore, made: list[Question], by: str = "ada") -> Pointer:
    edition = Edition(dump_questions(made), len(made))
    return publish(store, questions.SET, edition, Act(by, datetime.now(UTC)), may_shrink=True)


def publish_titles(store: BlobStore, made: list[Title], by: str = "ada") -> Pointer:
    return publish(store, titles.SET, Edition(dump_titles(made), len(made)), Act(by, datetime.now(UTC)))


def publish_films(home: Path, *ids: str) -> None:
    """Publish titles of these ids for a platform in ``home``, before it is started."""
    [some] = make_titles(1)
    publish_titles(store_of(home), [replace(some, id=each) for each in ids])


def store_of(home: Path) -> BlobStore:
    """The store that a platform in ``home`` has unless it is told of another."""
    return create_blob_store((home / "blobs").as_uri())


def eventually(is_so: Callable[[], bool], timeout_s: float = 20.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, "it did not become so"
        time.sleep(0.02)


def write_question(folder: Path, name: str, title: str = "Sum") -> None:
    """Write a question by hand, as an operator does."""
    place = folder / "questions" / name
    place.mkdir(parents=True, exist_ok=True)
    head = f'title = "{title}"\ndifficulty = "easy"\ncategory = "sums"\n'
    (place / "question.toml").write_text(head + _TEST % ("shown", "false") + _TEST % ("hidden", "true"))
    (place / "prompt.md").write_text("Add.")
