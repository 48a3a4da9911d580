"""Records of a content set as the one JSON text that they have, so that the same records have the same checksum."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Changes:
    """How two sets of records differ: their ids, each list in order."""

    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def dump_records(records: Iterable[Mapping[str, object]]) -> bytes:
    """Return records, each with an ``id``, as JSON; their order makes no difference."""
    ordered = sorted(records, key=lambda record: str(record["id"]))
    return json.dumps(ordered, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def parse_records(content: bytes, build: Callable[[dict[str, object]], Record]) -> dict[str, Record]:
    """Return what ``build`` makes of each record of ``dump_records``, by the ids, in the order of these.

    Raises:
        ValueError: the content is something else.
    """
    try:
        return {str(record["id"]): build(record) for record in json.loads(content)}
    except (TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ValueError(f"these are no such records: {error!r}") from error


def compare_records(old: Mapping[str, object], new: Mapping[str, object]) -> Changes:
    """Say what publishing ``new`` in place of ``old`` would change."""
    return Changes(
        added=tuple(sorted(new.keys() - old.keys())),
        changed=tuple(sorted(key for key in old.keys() & new.keys() if old[key] != new[key])),
        removed=tuple(sorted(old.keys() - new.keys())),
    )
