"""The ``yardmaster`` command."""

from __future__ import annotations

import click

from cli.cache import cache
from cli.content import content
from cli.database import db
from cli.demo import demo
from cli.images import images
from cli.jobs import jobs
from cli.keys import keys
from cli.pop.command import pop
from cli.pops import pops
from cli.processes import api, beat, dispatcher, flower, worker
from cli.queues import queues
from cli.run import run
from cli.simulate import simulate
from cli.up import up
from cli.videos import videos
from config.settings import SettingsError

EXIT_WRONG_SETTING = 78  # EX_CONFIG of sysexits.h


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="yardmaster")
def cli() -> None:
    """Run jobs: start the platform, give it programs, look after its queues."""


_COMMANDS = (
    up, demo, run, simulate, jobs, queues, content, videos, pop, pops, cache, keys, images, db, api, worker,
    dispatcher, beat, flower,
)  # fmt: skip
for _command in _COMMANDS:
    cli.add_command(_command)


def main() -> None:
    """Run the command that the arguments name; a wrong setting ends it with a sentence."""
    try:
        cli(prog_name="yardmaster")
    except SettingsError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(EXIT_WRONG_SETTING) from error
