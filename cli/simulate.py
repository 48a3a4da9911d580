"""``yardmaster simulate``: drivers and passengers who use the rides of a running stack through its HTTP API."""

from __future__ import annotations

import secrets
import signal
import sys
import time
from dataclasses import replace
from datetime import UTC, datetime

import click

from cli.client import ApiClient, find_api
from cli.keys import temporary_keys
from cli.output import print_json, show_progress
from cli.simulation.agenda import Agenda, Crew
from cli.simulation.phone import Exchange
from cli.simulation.plans import CityMap
from cli.simulation.report import Progress, Result
from cli.simulation.scenario import Scenario, host, leave, populate
from cli.simulation.views import read_cities
from cli.simulation.world import World

EXIT_NOT_FINE = 1
EXIT_INTERRUPTED = 130
CREW_SIZE = 32
"""Calls under way at once: many more than a platform in order needs, so that slow ones hold up nobody else."""
MAX_SPEED_UP = 5.0
LIVELY_RADIUS_M = 8000.0
"""People keep to the middle of a large city, where a few hundred drivers are near enough to each other."""


@click.command()
@click.option("--city", "city_name", default="demo", show_default=True, help="A name of `GET /v1/cities`.")
@click.option(
    "--drivers", default=500, show_default=True, type=click.IntRange(min=1), help="How many drivers there are."
)
@click.option(
    "--rides-per-min",
    default=60.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How many passengers come in a minute, on average.",
)
@click.option(
    "--minutes",
    default=5.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="How long passengers come; the rides under way then end first.",
)
@click.option("--seed", default=1, show_default=True, help="The same seed gives the same people.")
@click.option(
    "--speed-up",
    default=1.0,
    show_default=True,
    type=click.FloatRange(1, MAX_SPEED_UP),
    help="How many times as fast people drive and lose patience. Offers and positions keep their times.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def simulate(*, city_name: str, as_json: bool, **amounts: float) -> None:
    """Let drivers and passengers use the API as phones do, and print what came of it.

    Ends with 0 when the platform answered every call and nothing was seen that must never be, such as a driver with
    two rides; else with 1.
    """
    api = find_api()
    scenario = Scenario(
        city=find_city(api, city_name),
        drivers=int(amounts["drivers"]),
        rides_per_min=amounts["rides_per_min"],
        minutes=amounts["minutes"],
        seed=int(amounts["seed"]),
        speed_up=amounts["speed_up"],
        run_id=secrets.token_hex(3),
    )
    # As Ctrl-C does: rides are ended and keys revoked.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    result, is_interrupted = _run(api.url, scenario)
    if as_json:
        print_json(result.as_json())
    else:
        result.print()
    if is_interrupted:
        raise SystemExit(EXIT_INTERRUPTED)
    if not result.is_fine:
        raise SystemExit(EXIT_NOT_FINE)


def find_city(api: ApiClient, name: str) -> CityMap:
    """Return what the API tells of a city.

    Raises:
        click.UsageError: there is no such city.
    """
    cities = read_cities(api.get("/v1/cities"))
    if name not in cities:
        raise click.UsageError(f"there is no city {name!r}, but: {', '.join(cities)}")
    return replace(cities[name], radius_m=min(LIVELY_RADIUS_M, cities[name].radius_m))


def _run(url: str, scenario: Scenario) -> tuple[Result, bool]:
    owners = scenario.owners()
    show_progress(f"Making keys for {scenario.drivers} drivers and {len(owners) - scenario.drivers} passengers ...")
    with temporary_keys(owners) as keys:
        began_s = time.monotonic()
        world = World(lambda: time.monotonic() - began_s, datetime.now(UTC), scenario.speed_up)
        exchange, agenda = Exchange(url, world.tally), Agenda()
        populate(agenda, scenario, world, {owner: exchange.phone(key) for owner, key in keys.items()})
        progress = Progress(world, lambda text: click.echo(text, nl=False, err=True), is_live=sys.stderr.isatty())
        agenda.add(host(agenda, scenario, world, progress.show), 0.0)
        crew = Crew(agenda, world.clock, CREW_SIZE)
        is_interrupted = _carry_out(crew, agenda, world)
        progress.close()
        exchange.close()
    return Result(world, crew.lags_s), is_interrupted


def _carry_out(crew: Crew, agenda: Agenda, world: World) -> bool:
    """Run to the end; tell whether it was interrupted, whereupon everybody ended what they were doing."""
    try:
        crew.run()
    except KeyboardInterrupt:
        show_progress("\nEnding the rides under way ...")
        leave(agenda, world)
        crew.run()
        return True
    finally:
        crew.close()
    return False
