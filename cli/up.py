"""``yardmaster up``: the embedded stack, until Ctrl-C."""

from __future__ import annotations

import sys
import threading

import click

from cli.output import print_json, show_progress
from cli.sandboxes import choose_sandbox
from cli.stack.checks import load_checked_stack
from cli.stack.home import Addresses, HomeError
from cli.stack.ports import PortTakenError
from cli.stack.servers import ServerError
from cli.stack.stack import Plan, StackError, run_stack

START_ERRORS = (HomeError, PortTakenError, ServerError, StackError)


@click.command()
@click.option("--show-log", is_flag=True, help="Write the processes' output here instead of into a file.")
@click.option("--json", "as_json", is_flag=True, help="Print the addresses and the key as JSON.")
def up(*, show_log: bool, as_json: bool) -> None:
    """Start everything and stay, printing the addresses; Ctrl-C stops it."""
    settings = load_checked_stack()

    def show_and_stay(addresses: Addresses) -> None:
        _show(addresses, as_json=as_json)
        threading.Event().wait()

    sandbox = choose_sandbox(settings, show_progress)
    start(Plan(settings, sandbox, show_and_stay, sys.stdout if show_log else None))
    show_progress("Stopped; nothing is left running.")


def start(plan: Plan) -> bool:
    """Run a stack; tell whether a signal ended it.

    Raises:
        click.ClickException: it could not be started, or broke.
    """
    show_progress(f"Starting everything under {plan.settings.home} ...")
    try:
        return run_stack(plan)
    except START_ERRORS as error:
        raise click.ClickException(str(error)) from error


def _show(addresses: Addresses, *, as_json: bool) -> None:
    if as_json:
        print_json({"api": addresses.api, "api_key": addresses.api_key, "pop": addresses.pop,
                    "flower": addresses.flower, "flower_user": addresses.flower_user,
                    "flower_password": addresses.flower_password})  # fmt: skip
        return
    click.echo(f"""
  API      {addresses.api}
  Docs     {addresses.api}/docs
  POP      {addresses.pop}   (a cache before the API, as viewers at the edge would have it)
  Flower   {addresses.flower}   (user {addresses.flower_user}, password {addresses.flower_password})
  Key      {addresses.api_key}   (administrator; send it as "Authorization: Bearer KEY")
  Log      {addresses.log or "here"}

Ctrl-C stops everything; jobs that run get some seconds to end.""")
