"""Read questions and titles from a folder that somebody wrote by hand, and find all that is wrong with them.

::

    questions/<id>/question.toml     title, difficulty, category, compare, tests
    questions/<id>/prompt.md         and other texts, named by their files
    questions/<id>/starter/<language>.<anything>
    questions/<id>/solutions/<language>.<anything>     never published; for whoever tests the questions
    questions/<id>/wrong/<language>.<anything>         likewise: programs that the tests have to catch
    titles/<id>.toml                 name, description, released_on, minutes, genres, cast
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from domain.content.questions import Difficulty, Question, QuestionTest
from domain.content.titles import Role, Title

MAX_TEXT_BYTES = 64 * 1024
MAX_TESTS = 100
MAX_TESTS_BYTES = 2**20
"""Inputs and outputs of a question's tests together: each run has a copy of them."""

_ID = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")
_TEXT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_STRICT = ConfigDict(extra="forbid", frozen=True)

Line = Annotated[str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
Text = Annotated[str, Field(max_length=MAX_TEXT_BYTES, pattern=r"^[^\x00]*$")]
Found = TypeVar("Found", Question, Title)
Model = TypeVar("Model", bound=BaseModel)


class ContentFolderError(Exception):
    """The folder cannot be published; ``problems`` are sentences, each of which begins with the file."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class _TestIn(BaseModel):
    model_config = _STRICT
    name: Line
    stdin: Text = ""
    expected_stdout: Text
    hidden: bool = False


class _QuestionIn(BaseModel):
    model_config = _STRICT
    title: Line
    difficulty: Difficulty
    category: Line
    compare: Literal["exact", "lines", "tokens", "float"] = "lines"
    tests: Annotated[list[_TestIn], Field(min_length=1, max_length=MAX_TESTS)]


class _RoleIn(BaseModel):
    model_config = _STRICT
    actor: Line
    character: Line


class _TitleIn(BaseModel):
    model_config = _STRICT
    name: Line
    description: Annotated[Text, Field(min_length=1)]
    released_on: date
    minutes: Annotated[int, Field(ge=1, le=1000)]
    genres: Annotated[list[Line], Field(min_length=1, max_length=10)]
    cast: Annotated[list[_RoleIn], Field(max_length=100)] = []


class _WrongFileError(Exception):
    def __init__(self, path: Path, *complaints: str) -> None:
        super().__init__(path, *complaints)
        self.problems = [f"{path}: {complaint}" for complaint in complaints]


@dataclass(frozen=True, slots=True)
class ContentFolder:
    """What was found in a folder; ``None``: it has no such part."""

    questions: tuple[Question, ...] | None
    titles: tuple[Title, ...] | None


def read_content(folder: Path) -> ContentFolder:
    """Return the questions and titles in ``folder``.

    Raises:
        ContentFolderError: something is wrong with it; all of it is told at once.
    """
    problems: list[str] = []
    questions = _read_all(folder / "questions", _read_question, problems)
    titles = _read_all(folder / "titles", _read_title, problems)
    if questions is None and titles is None and not problems:
        problems.append(f"{folder}: has neither questions nor titles")
    if problems:
        raise ContentFolderError(problems)
    return ContentFolder(questions, titles)


def solutions(folder: Path, question_id: str) -> dict[str, str]:
    """Return a question's reference solutions by language."""
    return dict(_programs(folder / "questions" / question_id / "solutions"))


def wrong_solutions(folder: Path, question_id: str) -> dict[str, str]:
    """Return programs by language that look right and are not."""
    return dict(_programs(folder / "questions" / question_id / "wrong"))


def _read_all(folder: Path, read: Callable[[Path], Found], problems: list[str]) -> tuple[Found, ...] | None:
    if not folder.is_dir():
        return None
    found: list[Found] = []
    for path in sorted(folder.iterdir()):
        try:
            found.append(read(path))
        except _WrongFileError as error:
            problems += error.problems
    return tuple(found)


def _read_question(folder: Path) -> Question:
    _check_id(folder, folder.name)
    for path in folder.iterdir():
        if path.suffix != ".md" and path.name not in ("question.toml", "starter", "solutions", "wrong"):
            raise _WrongFileError(path, "belongs to no question")
    given = _read_toml(folder / "question.toml", _QuestionIn)
    names = [test.name for test in given.tests]
    if len(set(names)) < len(names):
        raise _WrongFileError(folder / "question.toml", "has two tests of the same name")
    texts = dict(_texts(folder))
    if "prompt" not in texts:
        raise _WrongFileError(folder / "prompt.md", "is missing")
    if sum(len(test.stdin.encode()) + len(test.expected_stdout.encode()) for test in given.tests) > MAX_TESTS_BYTES:
        raise _WrongFileError(folder / "question.toml", f"has tests of more than {MAX_TESTS_BYTES} bytes together")
    tests = tuple(QuestionTest(test.name, test.stdin, test.expected_stdout, test.hidden) for test in given.tests)
    if {test.is_hidden for test in tests} != {True, False}:
        raise _WrongFileError(folder / "question.toml", "needs a test that is hidden and one that is not")
    return Question(
        folder.name, given.title, given.difficulty, given.category, texts, dict(_programs(folder / "starter")),
        given.compare, tests,
    )  # fmt: skip


def _read_title(path: Path) -> Title:
    if path.suffix != ".toml":
        raise _WrongFileError(path, "is no title")
    _check_id(path, path.stem)
    given = _read_toml(path, _TitleIn)
    cast = tuple(Role(role.actor, role.character) for role in given.cast)
    return Title(
        path.stem, given.name, given.description, given.released_on, given.minutes, tuple(given.genres), cast
    )


def _texts(folder: Path) -> Iterator[tuple[str, str]]:
    for path in sorted(folder.glob("*.md")):
        if not _TEXT_NAME.fullmatch(path.stem):
            raise _WrongFileError(path, "a text's name is lower-case letters, digits, hyphens and underscores")
        yield path.stem, _read_text(path)


def _programs(folder: Path) -> Iterator[tuple[str, str]]:
    if folder.is_dir():
        yield from ((path.stem, _read_text(path)) for path in sorted(folder.iterdir()))


def _read_toml(path: Path, model: type[Model]) -> Model:
    try:
        return model.model_validate(tomllib.loads(_read_text(path)))
    except tomllib.TOMLDecodeError as error:
        raise _WrongFileError(path, str(error)) from error
    except ValidationError as error:
        complaints = (f"{'.'.join(map(str, part['loc']))}: {part['msg']}" for part in error.errors())
        raise _WrongFileError(path, *complaints) from error


def _read_text(path: Path) -> str:
    try:
        content = path.read_bytes()
        if len(content) > MAX_TEXT_BYTES and path.suffix != ".toml":
            raise _WrongFileError(path, f"is longer than {MAX_TEXT_BYTES} bytes")
        return content.decode()
    except OSError as error:
        raise _WrongFileError(path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise _WrongFileError(path, "is no UTF-8") from error


def _check_id(path: Path, name: str) -> None:
    if not _ID.fullmatch(name):
        raise _WrongFileError(path, "an id is lower-case letters, digits and hyphens, 64 at most")
