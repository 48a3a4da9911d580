"""``yardmaster pops``: which points of presence there are and how they are, through the HTTP API (admin key)."""

from __future__ import annotations

from urllib.parse import quote

import click

from cli.client import find_api
from cli.output import print_json, print_table
from cli.stack.home import Home
from config.settings import load_stack
from domain.cache_refreshes.pops import DRIVERS, control_key

COLUMNS = ("name", "region", "driver", "is_healthy", "objects", "hit_ratio", "url", "last_error")


@click.group()
def pops() -> None:
    """Look at points of presence, add and remove them."""


@pops.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_pops(*, as_json: bool) -> None:
    """List the POPs."""
    answer = find_api().get("/v1/pops")
    found = answer["pops"]
    if as_json or not isinstance(found, list):
        print_json(answer)
    else:
        print_table(COLUMNS, [_row(pop) for pop in found])


@pops.command("add")
@click.argument("name")
@click.option("--url", required=True, help="Where viewers find it: http://host:port.")
@click.option("--control-url", help="Where it is driven from, if not there.")
@click.option("--region", required=True)
@click.option("--driver", required=True, type=click.Choice(DRIVERS))
@click.option("--capacity-bytes", required=True, type=click.IntRange(1))
@click.option("--fill-window", nargs=3, metavar="START END TIMEZONE", help="For instance: 02:00 14:00 Asia/Kolkata.")
@click.option("--max-bytes-per-s", type=click.IntRange(1), help="How fast it is filled at most.")
def add_pop(name: str, fill_window: tuple[str, str, str] | None, **fields: object) -> None:
    """Add a POP, or change one; what is published comes to a new one at once."""
    window = dict(zip(("start", "end", "timezone"), fill_window, strict=True)) if fill_window else None
    find_api().put(f"/v1/pops/{quote(name, safe='')}", fields | {"fill_window": window})
    click.echo(f"{name} added; `yardmaster pops key {name}` prints the key for its configuration")


@pops.command("remove")
@click.argument("name")
def remove_pop(name: str) -> None:
    """Forget a POP; what was done with it stays on record."""
    find_api().delete(f"/v1/pops/{quote(name, safe='')}")
    click.echo(f"{name} removed")


@pops.command("key")
@click.argument("name")
def print_key(name: str) -> None:
    """Print the key of a POP for its configuration (POP_KEY), made of EDGE_SECRET or of the home's own secret."""
    settings = load_stack()
    secret = settings.edge_secret or Home(settings.home).find_secret("edge_secret")
    if secret is None:
        raise click.ClickException(f"set EDGE_SECRET; {settings.home} has no secret for the edge")
    click.echo(control_key(secret, name))


def _row(pop: dict[str, object]) -> list[object]:
    traffic = pop["traffic"]
    counted = traffic if isinstance(traffic, dict) else {}
    ratio = counted.get("hit_ratio")
    shown = pop | {
        "objects": counted.get("objects"),
        "hit_ratio": f"{ratio:.1%}" if isinstance(ratio, float) else None,
    }
    return [shown[column] for column in COLUMNS]
