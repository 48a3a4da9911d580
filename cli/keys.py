"""``yardmaster keys``: make, list and revoke API keys, in the database itself."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from uuid import UUID

import click

from cli.database import open_database
from cli.output import print_json, print_table, show_progress
from config.settings import SettingsError, load_stack
from domain.rate_limits.model import UNLIMITED_TIER, TiersError, parse_tiers
from jobs.schedules import SYSTEM_OWNER
from store import api_keys
from store.db import transactions

COLUMNS = ("id", "owner", "name", "tier", "is_admin", "state", "created_at", "revoked_at", "expires_at")
UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
LONGEST_NAME = 200
TEMPORARY = timedelta(days=1)
"""For how long the keys of demo and simulator live where they are not revoked, because the command was killed."""


def read_duration(_context: object, _option: object, text: str | None) -> timedelta | None:
    """Read a time like ``90s``, ``15m``, ``12h`` or ``7d``.

    Raises:
        click.BadParameter: it is none.
    """
    if text is None:
        return None
    found = re.fullmatch(r"([1-9][0-9]{0,5})([smhd])", text)
    if found is None:
        raise click.BadParameter(f"{text!r} is no time like 90s, 15m, 12h or 7d")
    return timedelta(**{UNITS[found[2]]: int(found[1])})


def check_name(_context: object, _option: object, name: str) -> str:
    """Return ``name``, which fits into a line of a table or a log.

    Raises:
        click.BadParameter: it does not, or is empty.
    """
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable() or name != name.strip():
        raise click.BadParameter(f"must be 1 to {LONGEST_NAME} printable characters, with no space around them")
    return name


def check_owner(_context: object, _option: object, owner: str) -> str:
    """Return ``owner``.

    Raises:
        click.BadParameter: it is no name, or the platform itself; what that does is not kept on record for long.
    """
    check_name(_context, _option, owner)
    if owner == SYSTEM_OWNER:
        raise click.BadParameter(f"{owner!r} is the platform itself")
    return owner


@click.group()
def keys() -> None:
    """Make and revoke API keys."""


@contextmanager
def temporary_keys(owners: Sequence[str]) -> Iterator[dict[str, str]]:
    """Give every owner a key without rate limits, and revoke them all when the block ends; yields them by owner.

    Where the process is killed before, they expire after a day.
    Where the database is away by then, only a sentence says so: what was done with the keys is worth showing.
    """
    with open_database() as engine, transactions(engine).begin() as session:
        wanted = [api_keys.NewApiKey(owner, "temporary", UNLIMITED_TIER, expires_in=TEMPORARY) for owner in owners]
        made = [api_keys.create(session, new) for new in wanted]
    try:
        yield {key.owner: text for key, text in made}
    finally:
        try:
            _revoke_all([key.id for key, _ in made])
        except click.ClickException as error:
            show_progress(f"The temporary keys could not be revoked: {error.message}")


def _revoke_all(key_ids: Sequence[UUID]) -> None:
    # A way of its own to the database: the one on which they were made may have been lost in the meantime.
    with open_database() as engine, transactions(engine).begin() as session:
        for key_id in key_ids:
            api_keys.revoke(session, key_id)


@keys.command("create")
@click.option("--owner", required=True, callback=check_owner, help="Whose jobs the key sees.")
@click.option(
    "--name", default="cli", show_default=True, callback=check_name, help="A word to tell the owner's keys apart."
)
@click.option("--tier", default="free", show_default=True, help="A tier of RATE_LIMITS.")
@click.option("--admin", "is_admin", is_flag=True, help="See and steer every owner's jobs.")
@click.option(
    "--expires-in", callback=read_duration, help="For how long it opens anything, as 12h or 7d; else for ever."
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def create_key(*, is_admin: bool, expires_in: timedelta | None, as_json: bool, **words: str) -> None:
    """Make a key and print it, this once: only its hash is kept."""
    _check_tier(words["tier"], is_admin=is_admin)
    with open_database() as engine, transactions(engine).begin() as session:
        made, key = api_keys.create(session, api_keys.NewApiKey(**words, is_admin=is_admin, expires_in=expires_in))
    if as_json:
        print_json(asdict(made) | {"key": key})
    else:
        click.echo(key)


def _check_tier(tier: str, *, is_admin: bool) -> None:
    try:
        tiers = parse_tiers(load_stack().rate_limits)
    except TiersError as error:
        raise SettingsError(f"RATE_LIMITS: {error}") from error
    # An administrator's key is not limited, whatever its tier.
    if tier not in tiers and not is_admin:
        raise click.UsageError(f"there is no tier {tier!r} in RATE_LIMITS; there are {', '.join(sorted(tiers))}")


@keys.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_keys(*, as_json: bool) -> None:
    """List the keys, without their text."""
    with open_database() as engine, transactions(engine).begin() as session:
        found = [asdict(key) | {"state": _state(key)} for key in api_keys.list_all(session)]
    if as_json:
        print_json(found)
    else:
        print_table(COLUMNS, [[key[column] for column in COLUMNS] for key in found])


def _state(key: api_keys.ApiKey) -> str:
    if key.revoked_at is not None:
        return "revoked"
    return "expired" if key.has_expired(datetime.now(UTC)) else "valid"


@keys.command("revoke")
@click.argument("key_id", type=click.UUID)
def revoke_key(key_id: UUID) -> None:
    """Revoke a key for good, at once, in every process."""
    with open_database() as engine, transactions(engine).begin() as session:
        is_revoked = api_keys.revoke(session, key_id)
    if not is_revoked:
        raise click.ClickException(f"no key {key_id} that could be revoked")
    click.echo(f"{key_id} revoked")
