"""``yardmaster queues``: see how deep the queues are, pause and resume them, in the database itself."""

from __future__ import annotations

import click

from cli.database import open_database
from cli.output import print_json, print_table
from jobs.kinds import KINDS
from store.db import sessions
from store.jobs import dispatching, reads

COLUMNS = ("queue", "state", "jobs", "oldest_s", "is_paused")


@click.group()
def queues() -> None:
    """Look at queues, pause and resume them."""


@queues.command("list")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_queues(*, as_json: bool) -> None:
    """List the queues with what waits and runs in them."""
    with open_database() as engine, sessions(engine)() as session:
        paused = set(dispatching.paused_queues(session))
        found = [
            {"queue": count.queue, "state": count.state, "jobs": count.jobs, "oldest_s": round(count.oldest_age_s, 1)}
            for count in reads.queue_counts(session)
        ]
    empty = {kind.queue for kind in KINDS.values()} - {str(row["queue"]) for row in found}
    found += [{"queue": name, "state": None, "jobs": 0, "oldest_s": None} for name in sorted(empty)]
    rows = [row | {"is_paused": row["queue"] in paused} for row in found]
    if as_json:
        print_json(rows)
    else:
        print_table(COLUMNS, [[row[column] for column in COLUMNS] for row in rows])


@queues.command("pause")
@click.argument("name")
def pause_queue(name: str) -> None:
    """Start no more jobs of a queue; those that run go on, and new ones are accepted."""
    _set_paused(name, is_paused=True)
    click.echo(f"{name} paused")


@queues.command("resume")
@click.argument("name")
def resume_queue(name: str) -> None:
    """Start the jobs of a paused queue again."""
    _set_paused(name, is_paused=False)
    click.echo(f"{name} resumed")


def _set_paused(name: str, *, is_paused: bool) -> None:
    known = sorted({kind.queue for kind in KINDS.values()})
    if name not in known:
        raise click.UsageError(f"no queue {name!r}; there are {', '.join(known)}")
    with open_database() as engine, sessions(engine)() as session:
        dispatching.set_paused(session, name, is_paused=is_paused)
