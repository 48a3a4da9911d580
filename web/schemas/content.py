"""How content is shown and asked for."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from domain.content.questions import Difficulty

Revision = Annotated[str, Field(description="SHA-256 of the whole set.")]


class QuestionQuery(BaseModel):
    """Which questions to list; by default all."""

    model_config = ConfigDict(extra="forbid")

    category: Annotated[str | None, Field(min_length=1, max_length=200)] = None
    difficulty: Difficulty | None = None


class QuestionEntry(BaseModel):
    """A question in a list. ``languages`` are those with a program to begin with; answers may be in any."""

    id: str
    title: str
    difficulty: Difficulty
    category: str
    languages: list[str]


class QuestionsOut(BaseModel):
    """Questions of one revision, by id."""

    revision: Revision
    questions: list[QuestionEntry]


class VisibleTest(BaseModel):
    """An input on stdin, and the output that it should give."""

    name: str
    stdin: str
    expected_stdout: str


class QuestionOut(QuestionEntry):
    """A question. ``texts`` are in Markdown, by name; one is the ``prompt``. ``starter`` has programs by language.

    ``hidden_tests`` are that many more, which are run and not shown.
    """

    revision: Revision
    compare: str
    texts: dict[str, str]
    starter: dict[str, str]
    tests: list[VisibleTest]
    hidden_tests: int


class RoleOut(BaseModel):
    """Who plays whom."""

    actor: str
    character: str


class TitleEntry(BaseModel):
    """A title in a list."""

    id: str
    name: str
    description: str
    released_on: date
    minutes: int
    genres: list[str]


class TitlesOut(BaseModel):
    """Titles of one revision, by id."""

    revision: Revision
    titles: list[TitleEntry]


class TitleOut(TitleEntry):
    """A title with its cast."""

    revision: Revision
    cast: list[RoleOut]


class SetReportOut(BaseModel):
    """What a process of a server serves of a set; ``revision`` is null while that is nothing.

    ``checked_at`` is when it last knew that this is what is published, ``failure`` why it has not known since.
    """

    server: str
    process: int
    set: str
    revision: str | None
    loaded_at: datetime | None
    checked_at: datetime | None
    failure: str | None


class ServersOut(BaseModel):
    """All processes that have reported within the last two minutes."""

    servers: list[SetReportOut]
