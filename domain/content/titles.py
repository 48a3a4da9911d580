"""Titles: the catalogue of what can be watched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import date

from domain.content.records import dump_records, parse_records

SET = "titles"
"""The content set's name."""


@dataclass(frozen=True, slots=True)
class Role:
    """Who plays whom."""

    actor: str
    character: str


@dataclass(frozen=True, slots=True)
class Title:
    """A film or an episode. ``minutes`` is what the catalogue says, whatever the video's length."""

    id: str
    name: str
    description: str
    released_on: date
    minutes: int
    genres: tuple[str, ...]
    cast: tuple[Role, ...]


def dump_titles(titles: Iterable[Title]) -> bytes:
    """Return titles as their set's content."""
    return dump_records(asdict(title) | {"released_on": title.released_on.isoformat()} for title in titles)


def parse_titles(content: bytes) -> dict[str, Title]:
    """Return the titles of ``dump_titles`` by their ids, in the order of these.

    Raises:
        ValueError: it is something else.
    """
    return parse_records(content, _title)


def _title(record: dict[str, object]) -> Title:
    released_on = date.fromisoformat(str(record.pop("released_on")))
    genres, cast = record.pop("genres"), record.pop("cast")
    if not isinstance(genres, list) or not isinstance(cast, list):
        raise TypeError("genres and cast must be lists")
    roles = tuple(Role(**role) for role in cast)
    # The other fields are as dump_titles wrote them; the checksum of the set says that nobody else did.
    return Title(**record, released_on=released_on, genres=tuple(map(str, genres)), cast=roles)  # type: ignore[arg-type]
