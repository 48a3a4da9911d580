"""``yardmaster content``: publish questions and titles from a folder, go back, and see who serves what.

The blob store is the one that ``BLOB_STORE_URL`` names, by default that of the home.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from cli.client import find_api
from cli.output import print_json, print_table, show_progress
from cli.publishing import (
    REFUSALS,
    SETS,
    Comparison,
    Part,
    check_store,
    compare,
    open_blob_store,
    publish_part,
    read_parts,
    return_to,
    tell,
    whoever_this_is,
)
from config.settings import load_stack
from domain.content.blobs import BlobStore
from domain.content.sets import Pointer, ShrunkSetError, check_shrink, read_pointer, revisions

EXIT_NOT_TOLD = 75  # EX_TEMPFAIL of sysexits.h
SERVERS = ("server", "process", "set", "revision", "loaded_at", "failure")
SHORT = 12
"""So much of a revision is shown in tables, and enough of it names one."""
MIN_PREFIX = 6

_by = click.option("--by", default=whoever_this_is, help="Who publishes; by default user@host.")


@click.group()
def content() -> None:
    """Publish questions and titles, go back, and see who serves what."""


@content.command("publish")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--dry-run", is_flag=True, help="Only show what would change.")
@click.option("--allow-shrink", is_flag=True, help="Publish although a set loses more than a fifth of its records.")
@click.option("--set", "only", type=click.Choice(SETS), help="Publish this set only.")
@_by
def publish_folder(folder: Path, only: str | None, by: str, *, dry_run: bool, allow_shrink: bool) -> None:
    """Check a folder, show what would change, and publish each set in it as a new revision.

    Ends with 75 when all is published but the servers could not be told of it, and with 1 when a set is refused, or
    would be.
    """
    parts = read_parts(folder, only)
    settings = load_stack()
    store = open_blob_store(settings)
    if dry_run:
        _rehearse(store, parts, may_shrink=allow_shrink)
        return
    pointers: dict[str, Pointer] = {}
    try:
        check_store(store)
        for part in parts:
            _show_comparison(part, compare(store, part))
            pointers[part.name] = publish_part(store, part, by, may_shrink=allow_shrink)
            _show_published(part.name, pointers[part.name])
    except REFUSALS as error:
        raise click.ClickException(_refusal(error, pointers)) from error
    finally:
        # What was published before a later set was refused is published.
        is_told = not pointers or tell(settings, pointers, by)
    if not is_told:
        raise SystemExit(EXIT_NOT_TOLD)


@content.command("rollback")
@click.argument("set_name", metavar="SET", type=click.Choice(SETS))
@click.argument("revision")
@_by
def roll_back_set(set_name: str, revision: str, by: str) -> None:
    """Serve an earlier REVISION of SET again; its first characters are enough."""
    settings = load_stack()
    store = open_blob_store(settings)
    try:
        pointer = return_to(store, set_name, _full_revision(store, set_name, revision), by)
    except REFUSALS as error:
        raise click.ClickException(str(error)) from error
    _show_published(set_name, pointer)
    if not tell(settings, {set_name: pointer}, by):
        raise SystemExit(EXIT_NOT_TOLD)


@content.command("revisions")
@click.argument("set_name", metavar="SET", type=click.Choice(SETS))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_revisions(set_name: str, *, as_json: bool) -> None:
    """List the revisions of SET that can be served, the newest first."""
    store = open_blob_store(load_stack())
    try:
        found, served = revisions(store, set_name), read_pointer(store, set_name)
    except REFUSALS as error:
        raise click.ClickException(str(error)) from error
    current = served.pointer.manifest.revision if served else None
    newest_first = sorted(found.items(), key=lambda pair: pair[1], reverse=True)
    rows = [(name, at.isoformat(timespec="seconds"), name == current) for name, at in newest_first]
    if as_json:
        print_json([dict(zip(("revision", "written_at", "is_served"), row, strict=True)) for row in rows])
    else:
        print_table(("revision", "written_at", "is_served"), rows)


@content.command("status")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show_status(*, as_json: bool) -> None:
    """Show what is published of each set, and what every process of every server serves of it."""
    store = open_blob_store(load_stack())
    try:
        served = {name: read_pointer(store, name) for name in SETS}
    except REFUSALS as error:
        raise click.ClickException(str(error)) from error
    published = [_row(name, found.pointer if found else None) for name, found in served.items()]
    servers = _servers()
    if as_json:
        print_json({"sets": published, "servers": servers})
        return
    print_table(tuple(published[0]), [list(row.values()) for row in published])
    if servers is not None:
        click.echo()
        print_table(SERVERS, [[_short(server, column) for column in SERVERS] for server in servers])


def _rehearse(store: BlobStore, parts: Sequence[Part], *, may_shrink: bool) -> None:
    try:
        for part in parts:
            _show_comparison(part, compare(store, part))
        for part in () if may_shrink else parts:
            check_shrink(store, part.name, len(part.records))
    except REFUSALS as error:
        raise click.ClickException(f"would be refused: {_reason(error)}") from error


def _show_comparison(part: Part, comparison: Comparison) -> None:
    if comparison.unreadable:
        show_progress(f"What is served of {part.name} cannot be compared with: {comparison.unreadable}")
    click.echo(f"{part.name}: {comparison.before} records before, {len(part.records)} in the folder")
    changes = comparison.changes
    for word, ids in (("added", changes.added), ("changed", changes.changed), ("removed", changes.removed)):
        for each in ids:
            click.echo(f"  {word:<8} {each}")
    if not (changes.added or changes.changed or changes.removed):
        click.echo("  nothing changes")


def _show_published(name: str, pointer: Pointer) -> None:
    at = pointer.published_at.isoformat(timespec="seconds")
    click.echo(f"{name}: {pointer.manifest.revision} is served, published by {pointer.published_by} at {at}")


def _refusal(error: Exception, pointers: dict[str, Pointer]) -> str:
    published = f" ({', '.join(pointers)} was published before that)" if pointers else "; nothing was published"
    return f"{_reason(error)}{published}"


def _reason(error: Exception) -> str:
    return f"{error}, which takes --allow-shrink" if isinstance(error, ShrunkSetError) else str(error)


def _full_revision(store: BlobStore, name: str, revision: str) -> str:
    matching = [each for each in revisions(store, name) if each.startswith(revision)]
    return matching[0] if len(matching) == 1 and len(revision) >= MIN_PREFIX else revision


def _row(name: str, pointer: Pointer | None) -> dict[str, object]:
    manifest = pointer.manifest if pointer else None
    return {
        "set": name,
        "revision": manifest and manifest.revision,
        "records": manifest and manifest.records,
        "size_bytes": manifest and manifest.size_bytes,
        "published_at": pointer and pointer.published_at.isoformat(timespec="seconds"),
        "published_by": pointer and pointer.published_by,
    }


def _servers() -> list[dict[str, object]] | None:
    try:
        found = find_api().get("/v1/content/servers")["servers"]
    except click.ClickException as error:
        show_progress(f"What the servers serve is not known: {error.message}")
        return None
    return found if isinstance(found, list) else None


def _short(server: dict[str, object], column: str) -> object:
    value = server[column]
    return str(value)[:SHORT] if column == "revision" and value else value
