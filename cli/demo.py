"""``yardmaster demo``: bring up the whole stack, run programs, drive a ride, serve content, show it all, stop."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from pathlib import Path

import click

from cli.client import ApiClient, RefusedError
from cli.demo_content import Tour, show_content
from cli.demo_ride import Journey, drive_a_ride
from cli.output import print_table, show_progress
from cli.run import run_to_the_end
from cli.sandboxes import choose_sandbox
from cli.stack.checks import load_checked_stack
from cli.stack.home import Addresses
from cli.stack.stack import Plan
from cli.up import start

EXIT_INTERRUPTED = 130
# Each example counts the primes up to the number that it reads.
CASES = [
    {"name": "ten", "stdin": "10\n", "expected_stdout": "4 primes up to 10\n"},
    {"name": "ten thousand", "stdin": "10000\n", "expected_stdout": "1229 primes up to 10000\n"},
]


@dataclass(frozen=True, slots=True)
class _Row:
    language: str
    version: str
    verdict: str
    seconds: float


@click.command()
def demo() -> None:
    """Start everything, run programs, drive a ride and serve content at the edge, print tables, stop.

    Ends with 0 when every program was accepted, the ride came to its end, and all content came as it should.
    """
    settings = load_checked_stack()
    rows: list[_Row] = []
    journeys: list[Journey] = []
    tours: list[Tour] = []

    def try_everything(addresses: Addresses) -> None:
        show_progress(f"The API answers at {addresses.api}.")
        api = ApiClient(addresses.api, addresses.api_key)
        for language in _languages(api):
            rows.append(_run_example(api, language, settings.sandbox_images_dir))
            show_progress(f"  {rows[-1].language}: {rows[-1].verdict}, {rows[-1].seconds:.2f} s")
        show_progress("A ride is driven ...")
        journeys.append(drive_a_ride(addresses.api))
        show_progress("A question is answered, and content comes to the edge ...")
        tours.append(show_content(addresses.api, addresses.api_key, addresses.pop))

    is_interrupted = start(Plan(settings, choose_sandbox(settings, show_progress), try_everything))
    if is_interrupted:
        show_progress("Stopped; nothing is left running.")
        raise SystemExit(EXIT_INTERRUPTED)
    _print_rows(rows)
    shown: list[Journey | Tour] = [*journeys, *tours]
    for part in shown:
        click.echo()
        part.print()
    for tour in tours:
        if tour.failure is not None:
            show_progress(f"Content is not as it should be: {tour.failure}")
    show_progress("Everything is stopped; nothing is left running.")
    is_accepted = bool(rows) and all(row.verdict == "accepted" for row in rows)
    is_right = all(journey.is_finished for journey in journeys) and all(tour.is_complete for tour in tours)
    sys.exit(0 if is_accepted and is_right else 1)


def _languages(api: ApiClient) -> list[dict[str, object]]:
    found = api.get("/v1/languages")["languages"]
    if not isinstance(found, list):
        raise click.ClickException("the API's answer has no list of languages")
    return found


def _run_example(api: ApiClient, language: dict[str, object], images_dir: Path) -> _Row:
    name = str(language["name"])
    example = images_dir / name / "examples" / f"demo{Path(str(language['file_name'])).suffix}"
    started_at = time.monotonic()
    try:
        job = run_to_the_end(api, {"language": name, "source": example.read_text(), "cases": CASES})
    except (OSError, RefusedError) as error:
        return _Row(name, str(language["version"]), f"not run: {error}", 0.0)
    result = job.get("result")
    if not isinstance(result, dict):
        return _Row(
            name, str(language["version"]), f"{job['state']}: {job.get('error')}", time.monotonic() - started_at
        )
    return _Row(name, str(result["language_version"]), str(result["verdict"]), time.monotonic() - started_at)


def _print_rows(rows: list[_Row]) -> None:
    print_table(
        ("language", "version", "verdict", "seconds"),
        [(row.language, row.version, row.verdict, f"{row.seconds:.2f}") for row in rows],
    )
