"""``yardmaster queues``: see how deep the queues are, pause and resume them, through the HTTP API (admin key)."""

from __future__ import annotations

from urllib.parse import quote

import click

from cli.client import find_api
from cli.output import print_json, print_table

COLUMNS = ("name", "is_paused", "queued", "scheduled", "dispatched", "running", "oldest_age_s", "workers", "slots")


@click.group()
def queues() -> None:
    """Look at queues, pause and resume them."""


@queues.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_queues(*, as_json: bool) -> None:
    """List the queues."""
    answer = find_api().get("/v1/queues")
    found = answer["queues"]
    if as_json or not isinstance(found, list):
        print_json(answer)
    else:
        print_table(COLUMNS, [[queue[column] for column in COLUMNS] for queue in found])


@queues.command("pause")
@click.argument("name")
def pause_queue(name: str) -> None:
    """Start no more jobs of a queue; those that run go on, and new ones are accepted."""
    find_api().post(f"/v1/queues/{quote(name)}/pause")
    click.echo(f"{name} paused")


@queues.command("resume")
@click.argument("name")
def resume_queue(name: str) -> None:
    """Start the jobs of a paused queue again."""
    find_api().post(f"/v1/queues/{quote(name)}/resume")
    click.echo(f"{name} resumed")
