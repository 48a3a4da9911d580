"""Publish content as ``yardmaster content`` and the embedded stack do: read a folder, compare, swap, tell.

The pointer in the blob store is the truth. Once it is swapped the revision is published, whether or not the servers
and the edge could be told; they look by themselves within half an hour.
"""

from __future__ import annotations

import getpass
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import click
from sqlalchemy.exc import DBAPIError
from uuid_utils.compat import uuid7

from adapters.blob_store import create_blob_store
from adapters.content_folder import ContentFolder, ContentFolderError, read_content
from cli.database import open_database
from cli.output import show_progress
from cli.stack.home import Home
from config.settings import SettingsError, StackSettings
from domain.content import questions, titles
from domain.content.blobs import BlobStore, BlobStoreError, UnconditionalStoreError, check_conditions
from domain.content.parsers import PARSERS
from domain.content.records import Changes, compare_records
from domain.content.sets import (
    Act,
    DamagedSetError,
    Edition,
    NoSuchRevisionError,
    Pointer,
    PublishConflictError,
    ShrunkSetError,
    load,
    publish,
    read_pointer,
    roll_back,
)
from jobs.content import announce
from jobs.submit import QueueFullError
from store.db import transactions

REFUSALS = (
    BlobStoreError,
    UnconditionalStoreError,
    DamagedSetError,
    NoSuchRevisionError,
    PublishConflictError,
    ShrunkSetError,
)


@dataclass(frozen=True, slots=True)
class Part:
    """One set's share of a folder: its records by id, and its content as it is published."""

    name: str
    records: Mapping[str, object]
    content: bytes


@dataclass(frozen=True, slots=True)
class Comparison:
    """What publishing would change, and how many records the set had; ``unreadable``: why that cannot be said."""

    changes: Changes
    before: int
    unreadable: str | None = None


SETS = tuple(PARSERS)


def open_blob_store(settings: StackSettings) -> BlobStore:
    """Return the store that the settings name.

    Raises:
        SettingsError: they name none.
    """
    try:
        return create_blob_store(settings.blob_store_url, settings.blob_store_endpoint)
    except (ValueError, OSError) as error:
        raise SettingsError(f"BLOB_STORE_URL: {error}") from error


def read_parts(folder: Path, only: str | None = None) -> list[Part]:
    """Return the sets in ``folder``; all that is wrong with it is told at once.

    Raises:
        click.ClickException: it cannot be published, or has not the set that was asked for.
    """
    try:
        found = read_content(folder)
    except ContentFolderError as error:
        count = f"{len(error.problems)} mistakes" if len(error.problems) > 1 else "a mistake"
        raise click.ClickException("\n  ".join([f"nothing was published: {count}", *error.problems])) from error
    parts = [part for part in _parts(found) if only in (None, part.name)]
    if not parts:
        raise click.ClickException(f"{folder} has no {only}")
    return parts


def compare(store: BlobStore, part: Part) -> Comparison:
    """Say what publishing ``part`` would change."""
    try:
        served = read_pointer(store, part.name)
        old = PARSERS[part.name](load(store, part.name, served.pointer.manifest)) if served else {}
    except (DamagedSetError, ValueError) as error:
        # To publish anew is how a damaged set is mended.
        return Comparison(compare_records({}, part.records), 0, str(error))
    return Comparison(compare_records(old, PARSERS[part.name](part.content)), len(old))


def check_store(store: BlobStore) -> None:
    """Prove that the store keeps its word about conditional writes, at a place of this caller's own.

    Raises:
        UnconditionalStoreError: it does not.
        BlobStoreError: it is away.
    """
    check_conditions(store, f"probes/{uuid7().hex}")


def publish_part(store: BlobStore, part: Part, by: str, *, may_shrink: bool) -> Pointer:
    """Serve ``part`` from now on.

    Raises:
        One of ``REFUSALS``; what is served has not changed.
    """
    edition = Edition(part.content, len(part.records))
    return publish(store, part.name, edition, Act(by, datetime.now(UTC)), may_shrink=may_shrink)


def return_to(store: BlobStore, name: str, revision: str, by: str) -> Pointer:
    """Serve an earlier revision again.

    Raises:
        One of ``REFUSALS``; what is served has not changed.
    """
    return roll_back(store, name, revision, Act(by, datetime.now(UTC)))


def tell(settings: StackSettings, pointers: Mapping[str, Pointer], by: str) -> bool:
    """Tell the servers and the edge what is served; tell whether all who could be told were."""
    if settings.database_url is None and Home(settings.home).running() is None:
        show_progress(
            "No platform runs here; one that is started serves this. (Else set DATABASE_URL and repeat this.)"
        )
        return True
    try:
        with open_database() as engine:
            for name, pointer in pointers.items():
                with transactions(engine).begin() as session:
                    announce(session, name, pointer.manifest.revision, by)
    except (click.ClickException, DBAPIError, QueueFullError) as error:
        reason = error.message if isinstance(error, click.ClickException) else str(error).partition("\n")[0]
        show_progress(
            f"The servers were not told, and the edge is not refreshed: {reason}.\n"
            "It is published all the same: servers see it within half an hour. Repeat this to tell them now."
        )
        return False
    return True


def whoever_this_is() -> str:
    """Return ``user@host``."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):
        user = "unknown"  # A container's user need not have a name.
    return f"{user}@{socket.gethostname()}"


def _parts(found: ContentFolder) -> Sequence[Part]:
    parts = []
    if found.questions is not None:
        parts.append(Part(questions.SET, {each.id: each for each in found.questions},
                          questions.dump_questions(found.questions)))  # fmt: skip
    if found.titles is not None:
        parts.append(Part(titles.SET, {each.id: each for each in found.titles}, titles.dump_titles(found.titles)))
    return parts
