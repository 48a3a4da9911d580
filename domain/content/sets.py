"""Content sets: published as a whole, replaced as a whole, and never seen half.

A revision is one blob, ``<set>/<sha256>/data.json``, which is written once and never changed, and its manifest beside
it. ``<set>/current.json`` is the pointer: it says which revision is served. Publishing writes the revision first and
swaps the pointer last, if it is still the one that was read; so of two publishers at once one wins, and what a reader
finds under the pointer is there, whole, and has the checksum that the pointer names.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import TypeVar

from domain.content.blobs import BlobChangedError, BlobNotFoundError, BlobStore, InvalidBlobPathError

MAX_SHRINK = 0.2
"""A revision that has lost more than this share of its records is taken for an accident, unless told otherwise."""
MAX_JSON_BYTES = 4096

Record = TypeVar("Record")

_SHA256 = re.compile(r"[0-9a-f]{64}")


class ShrunkSetError(Exception):
    """The new revision has far fewer records than the one that is served."""


class PublishConflictError(Exception):
    """Somebody else published meanwhile; nothing that is served was changed."""


class NoSuchRevisionError(Exception):
    """There is no such set, or no such revision of it."""


class DamagedSetError(Exception):
    """What is stored is not what was published."""


@dataclass(frozen=True, slots=True)
class Act:
    """Who publishes, and when."""

    by: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Edition:
    """What is to be served, and how many records that is."""

    content: bytes
    records: int


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a revision is: ``revision`` is the SHA-256 of its content, ``records`` how many it has."""

    revision: str
    size_bytes: int
    records: int


@dataclass(frozen=True, slots=True)
class Pointer:
    """Which revision of a set is served, since when and by whose hand; ``previous`` is the one before."""

    manifest: Manifest
    published_at: datetime
    published_by: str
    previous: str | None


@dataclass(frozen=True, slots=True)
class Served:
    """A pointer, and the ETag that it has in the store."""

    pointer: Pointer
    etag: str


def read_pointer(store: BlobStore, name: str) -> Served | None:
    """Return what is served of a set; ``None``: nothing was published yet.

    Raises:
        DamagedSetError: the pointer cannot be read.
    """
    try:
        content, blob = store.get(_path(name, "current.json"))
    except BlobNotFoundError:
        return None
    return Served(_parse_pointer(_from_json(content)), blob.etag)


def load(store: BlobStore, name: str, manifest: Manifest) -> bytes:
    """Return the content of a revision.

    Raises:
        DamagedSetError: it is missing, or other than what was published.
    """
    try:
        content, _ = store.get(_path(name, manifest.revision, "data.json"))
    except BlobNotFoundError as error:
        raise DamagedSetError(f"revision {manifest.revision} of {name} is missing") from error
    if len(content) != manifest.size_bytes or hashlib.sha256(content).hexdigest() != manifest.revision:
        raise DamagedSetError(f"revision {manifest.revision} of {name} is not what was published")
    return content


def load_records(
    store: BlobStore, name: str, manifest: Manifest, parse: Callable[[bytes], Mapping[str, Record]]
) -> Mapping[str, Record]:
    """Return the records of a revision by their ids.

    Raises:
        DamagedSetError: it is missing, or other than what was published.
        ValueError: ``parse`` cannot read it.
    """
    records = parse(load(store, name, manifest))
    if len(records) != manifest.records:
        raise DamagedSetError(f"revision {manifest.revision} has {len(records)} records, not {manifest.records}")
    return records


def check_shrink(store: BlobStore, name: str, records: int) -> None:
    """Ask whether an edition of so many records would be taken for an accident.

    Raises:
        ShrunkSetError: it would; it has far fewer records than what is served.
        DamagedSetError: the pointer cannot be read.
    """
    served = read_pointer(store, name)
    _check_shrink(name, served.pointer.manifest if served else None, records)


def publish(store: BlobStore, name: str, edition: Edition, act: Act, *, may_shrink: bool = False) -> Pointer:
    """Serve an edition from now on; return the pointer, which is the old one if it serves exactly that already.

    What was damaged of it in the store is made whole again.

    Raises:
        ShrunkSetError: it has far fewer records than what is served.
        PublishConflictError: somebody else published meanwhile.
    """
    served = read_pointer(store, name)
    content = edition.content
    manifest = Manifest(hashlib.sha256(content).hexdigest(), len(content), edition.records)
    before = served.pointer.manifest if served else None
    if not may_shrink:
        _check_shrink(name, before, edition.records)
    _write_once(store, _path(name, manifest.revision, "data.json"), content)
    _write_once(store, _path(name, manifest.revision, "manifest.json"), _to_json(asdict(manifest)))
    if served and before == manifest:
        return served.pointer
    return _point(store, name, served, manifest, act)


def roll_back(store: BlobStore, name: str, revision: str, act: Act) -> Pointer:
    """Serve a revision again, once it was read and found whole; return the pointer.

    Raises:
        NoSuchRevisionError: there is none.
        DamagedSetError: it is not what was published.
        PublishConflictError: somebody else published meanwhile.
    """
    served = read_pointer(store, name)
    if not _SHA256.fullmatch(revision):
        raise NoSuchRevisionError(f"{revision!r} is no revision")
    try:
        content, _ = store.get(_path(name, revision, "manifest.json"))
    except BlobNotFoundError as error:
        raise NoSuchRevisionError(f"{name} has no revision {revision}") from error
    manifest = _parse_manifest(_from_json(content))
    load(store, name, manifest)
    return _point(store, name, served, manifest, act)


def revisions(store: BlobStore, name: str) -> dict[str, datetime]:
    """Return the revisions that are kept of a set, and when each was written."""
    parts = [(blob.path.split("/"), blob.modified_at) for blob in store.list(_checked(name))]
    return {path[1]: at for path, at in parts if path[2:] == ["manifest.json"]}


def _point(store: BlobStore, name: str, served: Served | None, manifest: Manifest, act: Act) -> Pointer:
    previous = served.pointer.manifest.revision if served else None
    pointer = Pointer(manifest, act.at, act.by, previous)
    content = _to_json(asdict(pointer) | {"published_at": act.at.isoformat()})
    try:
        store.compare_and_swap(_path(name, "current.json"), content, served.etag if served else None)
    except BlobChangedError as error:
        raise PublishConflictError(f"{name} was published by somebody else meanwhile") from error
    return pointer


def _write_once(store: BlobStore, path: str, content: bytes) -> None:
    # A blob of that name has that content, unless it was damaged since: then it is made whole.
    if store.put_if_absent(path, content) is None and store.get(path)[0] != content:
        store.put(path, content)


def _to_json(fields: dict[str, object]) -> bytes:
    return json.dumps(fields, sort_keys=True).encode()


def _from_json(content: bytes) -> dict[str, object]:
    try:
        fields = json.loads(content) if len(content) <= MAX_JSON_BYTES else None
    except (ValueError, RecursionError):
        fields = None
    if not isinstance(fields, dict):
        raise DamagedSetError("a pointer or manifest cannot be read")
    return fields


def _parse_pointer(fields: dict[str, object]) -> Pointer:
    manifest, previous = fields.get("manifest"), fields.get("previous")
    if not isinstance(manifest, dict):
        raise DamagedSetError("a pointer has no manifest")
    try:
        published_at = datetime.fromisoformat(str(fields.get("published_at")))
    except ValueError as error:
        raise DamagedSetError("a pointer has no time") from error
    by = str(fields.get("published_by", ""))
    return Pointer(_parse_manifest(manifest), published_at, by, None if previous is None else str(previous))


def _parse_manifest(fields: dict[str, object]) -> Manifest:
    revision, size_bytes, records = (fields.get(name) for name in ("revision", "size_bytes", "records"))
    if not (isinstance(revision, str) and _SHA256.fullmatch(revision)):
        raise DamagedSetError("a manifest names no revision")
    if not (isinstance(size_bytes, int) and isinstance(records, int)):
        raise DamagedSetError(f"the manifest of {revision} has no numbers")
    return Manifest(revision, size_bytes, records)


def _check_shrink(name: str, before: Manifest | None, records: int) -> None:
    if before and records < before.records * (1 - MAX_SHRINK):
        raise ShrunkSetError(f"{name} would shrink from {before.records} records to {records}")


def _path(name: str, *parts: str) -> str:
    return "/".join([_checked(name), *parts])


def _checked(name: str) -> str:
    if "/" in name:
        raise InvalidBlobPathError(f"no set can be called {name!r}")
    return name
