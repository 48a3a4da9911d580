"""Titles: the catalogue of what can be watched."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date

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


def dump_titles(titles: Sequence[Title]) -> bytes:
    """Return titles as the one JSON text that they have; their order makes no difference."""
    records = [
        asdict(title) | {"released_on": title.released_on.isoformat()}
        for title in sorted(titles, key=lambda title: title.id)
    ]
    return json.dumps(records, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def parse_titles(content: bytes) -> dict[str, Title]:
    """Return the titles of ``dump_titles`` by their ids, in the order of these.

    Raises:
        ValueError: it is something else.
    """
    try:
        titles = [_title(record) for record in json.loads(content)]
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"no titles: {error!r}") from error
    return {title.id: title for title in titles}


def _title(record: dict[str, object]) -> Title:
    released_on = date.fromisoformat(str(record.pop("released_on")))
    genres, cast = record.pop("genres"), record.pop("cast")
    if not isinstance(genres, list) or not isinstance(cast, list):
        raise TypeError("genres and cast must be lists")
    roles = tuple(Role(**role) for role in cast)
    return Title(**record, released_on=released_on, genres=tuple(map(str, genres)), cast=roles)  # type: ignore[arg-type]  # As dumped.
