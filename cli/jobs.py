"""``yardmaster jobs``: look at jobs and steer them, through the HTTP API."""

from __future__ import annotations

from urllib.parse import quote

import click

from cli.client import find_api
from cli.output import print_json, print_table

COLUMNS = ("id", "kind", "state", "owner", "attempt", "created_at", "finished_at")


@click.group()
def jobs() -> None:
    """Look at jobs and steer them."""


@jobs.command("list")
@click.option("--state", help="Only jobs in this state.")
@click.option("--kind", help="Only jobs of this kind.")
@click.option("--limit", default=20, type=click.IntRange(1, 200), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_jobs(state: str | None, kind: str | None, limit: int, *, as_json: bool) -> None:
    """List jobs, the newest first."""
    _print_jobs({"state": state, "kind": kind}, limit, as_json=as_json)


@jobs.command("dead")
@click.option("--limit", default=20, type=click.IntRange(1, 200), show_default=True)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dead_jobs(limit: int, *, as_json: bool) -> None:
    """List the dead letters: failed jobs, which `jobs retry` runs again."""
    _print_jobs({"state": "failed"}, limit, as_json=as_json)


@jobs.command("show")
@click.argument("job_id")
def show_job(job_id: str) -> None:
    """Print one job as JSON."""
    print_json(find_api().get(f"/v1/jobs/{quote(job_id)}"))


@jobs.command("cancel")
@click.argument("job_id")
def cancel_job(job_id: str) -> None:
    """Cancel a job that waits or runs."""
    find_api().delete(f"/v1/jobs/{quote(job_id)}")
    click.echo(f"{job_id} cancelled")


@jobs.command("retry")
@click.argument("job_id")
def retry_job(job_id: str) -> None:
    """Run a failed job again."""
    find_api().post(f"/v1/jobs/{quote(job_id)}/retry")
    click.echo(f"{job_id} queued")


def _print_jobs(filters: dict[str, str | None], limit: int, *, as_json: bool) -> None:
    query: dict[str, str | int] = {name: value for name, value in filters.items() if value is not None}
    page = find_api().get("/v1/jobs", query | {"limit": limit})
    if as_json:
        print_json(page)
        return
    found = page["jobs"]
    if not isinstance(found, list):
        raise click.ClickException("the API's answer has no list of jobs")
    print_table(COLUMNS, [[job.get(column) for column in COLUMNS] for job in found])
