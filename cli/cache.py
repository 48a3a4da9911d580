"""``yardmaster cache``: have caches at the edge refreshed, through the HTTP API (admin key)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from urllib.parse import quote

import click

from cli.client import ApiClient, find_api
from cli.output import print_json, print_table
from domain.cache_refreshes.model import SETS, Mode

COLUMNS = ("pop", "state", "removed", "filled", "verified", "attempts", "last_error")
LISTED = ("id", "created_at", "by", "mode", "selection", "state", "reason")
PLACED = ("pop", "region", "renditions", "used_bytes", "capacity_bytes", "predicted_hit_ratio", "made_at", "by")
DAYS = (
    "pop", "day", "predicted_hit_ratio", "real_hit_ratio", "counted_hit_ratio", "requests", "hits", "not_placed",
    "not_filled", "pop_down",
)  # fmt: skip
POLL_EVERY_S = 0.5


@click.group()
def cache() -> None:
    """Refresh caches at the edge, and see what was refreshed."""


@cache.command("refresh")
@click.argument("paths", nargs=-1)
@click.option("--tag", "tags", multiple=True, help="A word of Surrogate-Key; may be repeated.")
@click.option("--prefix", help="A folder: /v/42/.")
@click.option("--set", "set_name", type=click.Choice(SETS))
@click.option("--mode", type=click.Choice([mode.value for mode in Mode]), default="soft", show_default=True)
@click.option("--pop", "pops", multiple=True, help="Only this POP; may be repeated.")
@click.option("--reason", required=True, help="Why; it stays on record.")
@click.option("--now", is_flag=True, help="Do not wait for fill windows.")
@click.option("--no-wait", is_flag=True, help="Do not wait until it is done.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def refresh(
    paths: tuple[str, ...],
    tags: tuple[str, ...],
    pops: tuple[str, ...],
    *,
    no_wait: bool,
    as_json: bool,
    **rest: object,
) -> None:
    """Refresh PATHS, tags, a folder or a set on all POPs or some, and show what became of it on each."""
    api = find_api()
    selections = {"urls": list(paths), "tags": list(tags), "prefix": rest["prefix"], "set": rest["set_name"]}
    body: dict[str, object] = {name: value for name, value in selections.items() if value}
    body |= {name: rest[name] for name in ("mode", "reason", "now")} | {"pops": list(pops) or "all"}
    found = api.post("/v1/cache-refreshes", body, arguments=_arguments(paths, tags, pops))
    if not no_wait:
        found = _wait(api, str(found["id"]))
    _print(found, as_json=as_json)


@cache.command("show")
@click.argument("refresh_id")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(refresh_id: str, *, as_json: bool) -> None:
    """Show what became of a refresh on each POP."""
    _print(find_api().get(f"/v1/cache-refreshes/{quote(refresh_id, safe='')}"), as_json=as_json)


@cache.command("list")
@click.option("--by", help="Only what this one asked for; system is the clock.")
@click.option("--limit", default=20, type=click.IntRange(1, 200), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_refreshes(by: str | None, limit: int, *, as_json: bool) -> None:
    """List refreshes, the newest first: who purged what, when and why."""
    query: dict[str, str | int] = {"limit": limit} | ({"by": by} if by else {})
    page = find_api().get("/v1/cache-refreshes", query)
    found = page["cache_refreshes"]
    if as_json or not isinstance(found, list):
        print_json(page)
    else:
        rows = [each | {"selection": _plain(each["selection"])} for each in found]
        print_table(LISTED, [[row[column] for column in LISTED] for row in rows])


@cache.command("populate")
@click.option("--reason", required=True, help="Why; it stays on record.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def populate(reason: str, *, as_json: bool) -> None:
    """Have it decided now what POPs are to hold of the videos, and show it."""
    api = find_api()
    job = api.post("/v1/placements", {"reason": reason})
    while job["finished_at"] is None:
        time.sleep(POLL_EVERY_S)
        job = api.get(f"/v1/jobs/{job['id']}")
    if job["state"] != "succeeded":
        raise click.ClickException(f"the job {job['id']} has {job['state']}: {job['error']}")
    if as_json:
        print_json(job)
    else:
        _print_placements(api.get("/v1/placements"))


@cache.command("placement")
@click.option("--days", default=7, type=click.IntRange(1, 90), show_default=True, help="Today and those before it.")
@click.option("--region", help="Only requests of viewers of this region.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def placement(days: int, region: str | None, *, as_json: bool) -> None:
    """Show what POPs are to hold of the videos, the hit ratios of the last days, and why requests missed."""
    found = find_api().get("/v1/placements", {"days": days} | ({"region": region} if region else {}))
    if as_json:
        print_json(found)
        return
    _print_placements(found)
    rows = [[each["pop"], *_day(day)] for each in _list(found, "placements") for day in _list(each, "days")]
    click.echo()
    print_table(DAYS, rows)


def _arguments(paths: Sequence[str], tags: Sequence[str], pops: Sequence[str]) -> dict[str, str]:
    """Return what the fields of a refresh are called on the command line."""
    names = {"/urls": "PATHS", "/tags": "--tag", "/prefix": "--prefix", "/set": "--set", "/pops": "--pop"}
    names |= {f"/urls/{place}": path for place, path in enumerate(paths)}
    names |= {f"/tags/{place}": f"--tag {tag}" for place, tag in enumerate(tags)}
    return names | {f"/pops/{place}": f"--pop {pop}" for place, pop in enumerate(pops)}


def _plain(selection: Mapping[str, object]) -> str:
    """Return a selection in a line: ``set titles``, ``urls /a /b``."""
    return ", ".join(
        f"{name} {' '.join(value) if isinstance(value, list) else value}" for name, value in selection.items()
    )


def _print_placements(found: dict[str, object]) -> None:
    shown = _list(found, "placements")
    print_table(PLACED, [[_ratio(each[column]) for column in PLACED] for each in shown])


def _day(day: dict[str, object]) -> list[object]:
    misses = day["misses"]
    assert isinstance(misses, dict)
    return [_ratio((day | misses)[column]) for column in DAYS[1:]]


def _ratio(value: object) -> object:
    return f"{value:.3f}" if isinstance(value, float) else value


def _list(found: dict[str, object], name: str) -> list[dict[str, object]]:
    listed = found[name]
    assert isinstance(listed, list)
    return listed


def _wait(api: ApiClient, refresh_id: str) -> dict[str, object]:
    while True:
        found = api.get(f"/v1/cache-refreshes/{refresh_id}")
        if found["state"] != "working":
            return found
        time.sleep(POLL_EVERY_S)


def _print(found: dict[str, object], *, as_json: bool) -> None:
    targets = found["targets"]
    if as_json or not isinstance(targets, list):
        print_json(found)
        return
    click.echo(f"{found['id']}: {found['state']}")
    print_table(COLUMNS, [[target[column] for column in COLUMNS] for target in targets])
