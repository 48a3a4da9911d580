"""What somebody wrote by hand is read whole, or all that is wrong with it is said at once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from adapters.content_folder import ContentFolderError, read_content, solutions, wrong_solutions
from domain.content.questions import Difficulty, Question, QuestionTest
from domain.content.titles import Role, Title

QUESTION = """
title = "Sum"
difficulty = "easy"
category = "arithmetic"

[[tests]]
name = "small"
stdin = "1 2"
expected_stdout = "3"

[[tests]]
name = "large"
stdin = "1000000000000 1"
expected_stdout = "1000000000001"
hidden = true
"""
TITLE = """
name = "The Yard"
description = "Engines are moved."
released_on = 2026-01-31
minutes = 92
genres = ["documentary"]

[[cast]]
actor = "Ada"
character = "herself"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    question = tmp_path / "questions" / "sum"
    for name in ("starter", "solutions", "wrong"):
        (question / name).mkdir(parents=True)
    (question / "question.toml").write_text(QUESTION)
    (question / "prompt.md").write_text("Add them.")
    (question / "hints.md").write_text("Use +.")
    (question / "starter" / "python.py").write_text("a, b = map(int, input().split())\n")
    (question / "solutions" / "python.py").write_text("print(sum(map(int, input().split())))\n")
    (question / "wrong" / "python.py").write_text("print(int(input()[0]) + 2)\n")
    (tmp_path / "titles").mkdir()
    (tmp_path / "titles" / "the-yard.toml").write_text(TITLE)
    return tmp_path


def test_a_folder_is_read_whole(folder: Path) -> None:
    content = read_content(folder)

    assert content.questions == (
        Question(
            id="sum",
            title="Sum",
            difficulty=Difficulty.EASY,
            category="arithmetic",
            texts={"prompt": "Add them.", "hints": "Use +."},
            starter={"python": "a, b = map(int, input().split())\n"},
            compare="lines",
            tests=(
                QuestionTest("small", "1 2", "3", is_hidden=False),
                QuestionTest("large", "1000000000000 1", "1000000000001", is_hidden=True),
            ),
        ),
    )
    role = Role("Ada", "herself")
    assert content.titles == (
        Title("the-yard", "The Yard", "Engines are moved.", date(2026, 1, 31), 92, ("documentary",), (role,)),
    )
    assert solutions(folder, "sum") == {"python": "print(sum(map(int, input().split())))\n"}
    assert wrong_solutions(folder, "sum") == {"python": "print(int(input()[0]) + 2)\n"}


def test_a_part_that_is_not_there_is_not_published_as_empty(folder: Path) -> None:
    (folder / "titles" / "the-yard.toml").unlink()
    (folder / "titles").rmdir()

    assert read_content(folder).titles is None


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    def damage(folder: Path) -> None:
        path = folder / name
        text = path.read_text()
        assert old in text
        path.write_text(text.replace(old, new))

    return damage


@pytest.mark.parametrize(
    ("damage", "file", "complaint"),
    [
        (replaced("questions/sum/question.toml", '"easy"', '"hardest"'), "question.toml", "difficulty"),
        (replaced("questions/sum/question.toml", "hidden = true", "hidden = 3.5"), "question.toml", "tests.1.hidden"),
        (replaced("questions/sum/question.toml", "hidden = true", ""), "question.toml", "hidden and one that is not"),
        (replaced("questions/sum/question.toml", '"large"', '"small"'), "question.toml", "same name"),
        (replaced("questions/sum/question.toml", "category", "level = 1\ncategory"), "question.toml", "level"),
        (replaced("questions/sum/question.toml", "title =", "title"), "question.toml", "line 2"),
        (lambda folder: (folder / "questions/sum/prompt.md").unlink(), "prompt.md", "missing"),
        (lambda folder: (folder / "questions/sum/question.toml").unlink(), "question.toml", "No such file"),
        (lambda folder: (folder / "questions/sum/prompt.md").write_bytes(b"\xff"), "prompt.md", "UTF-8"),
        (lambda folder: (folder / "questions/sum/prompt.md").write_text("x" * 65_537), "prompt.md", "65536 bytes"),
        (lambda folder: (folder / "questions/sum/notes.txt").write_text(""), "notes.txt", "belongs to no question"),
        (lambda folder: (folder / "questions/sum/No_1.md").write_text(""), "No_1.md", "lower-case"),
        (lambda folder: (folder / "questions/sum").rename(folder / "questions/Sum"), "Sum", "lower-case"),
        (replaced("titles/the-yard.toml", "2026-01-31", '"soon"'), "the-yard.toml", "released_on"),
        (replaced("titles/the-yard.toml", "92", "0"), "the-yard.toml", "minutes"),
        (lambda folder: (folder / "titles/cover.png").write_text(""), "cover.png", "is no title"),
    ],
)
def test_what_is_wrong_is_told_with_its_file(
    folder: Path, damage: Callable[[Path], object], file: str, complaint: str
) -> None:
    damage(folder)

    with pytest.raises(ContentFolderError) as caught:
        read_content(folder)

    [problem] = caught.value.problems
    assert file in problem
    assert complaint in problem


def test_everything_that_is_wrong_is_told_at_once(folder: Path) -> None:
    replaced("questions/sum/question.toml", '"easy"', '"hardest"')(folder)
    replaced("questions/sum/question.toml", 'title = "Sum"', 'title = ""')(folder)
    replaced("titles/the-yard.toml", "92", "-1")(folder)

    with pytest.raises(ContentFolderError) as caught:
        read_content(folder)

    assert len(caught.value.problems) == 3


def test_a_folder_without_content_is_told(tmp_path: Path) -> None:
    with pytest.raises(ContentFolderError, match="neither questions nor titles"):
        read_content(tmp_path)


def test_the_tests_of_a_question_are_bounded_together(folder: Path) -> None:
    tests = "".join(
        f'[[tests]]\nname = "{number}"\nexpected_stdout = "{"x" * 65_000}"\nhidden = true\n' for number in range(17)
    )
    (folder / "questions" / "sum" / "question.toml").write_text(QUESTION + tests)

    with pytest.raises(ContentFolderError, match="tests of more than 1048576 bytes together"):
        read_content(folder)
