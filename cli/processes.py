"""The platform's processes, each in the foreground: what ``yardmaster up`` and the compose file start.

Each command becomes the server that it names (exec), so that signals reach the server itself and no process stands
between it and whoever started it. Passwords travel in the environment: arguments are everybody's to read.
"""

from __future__ import annotations

import os
import socket
import sys
from collections.abc import Mapping, Sequence

import click

from cli.database import open_database
from config.celery import MAINTENANCE, TICK_EVERY_S
from config.settings import (
    REPOSITORY,
    ProcessSettings,
    SettingsError,
    inherit,
    load,
    load_api,
    load_process,
    load_stack,
)
from jobs.kinds import BATCHES, KINDS
from store.db import sessions
from store.workers import list_workers
from workers.app import run_dispatcher
from workers.life_signs import BEAT, DISPATCHER, silence_s

CODE_QUEUES = ("code_runs",)
MEDIA_QUEUES = ("videos",)
# After this, in seconds, a process counts as hung. The dispatcher's periods are of one second, beat's of ten.
LONGEST_SILENCE_S = {DISPATCHER: 30.0, BEAT: 4 * TICK_EVERY_S}


@click.command()
def api() -> None:
    """Serve the HTTP API (gunicorn)."""
    # The API's libraries, which no other process of these should have to load.
    from web.app import check_settings  # noqa: PLC0415

    check_settings(load(), load_api())
    _become(["gunicorn", "--config", "python:config.gunicorn", "web.app:create_app()"], {})


@click.group()
def worker() -> None:
    """Work on jobs (Celery)."""


@worker.command("code")
def worker_code() -> None:
    """Work on code runs: one process, a thread per slot, since the work itself is in containers."""
    load()
    _become_worker("code", CODE_QUEUES, load_process().code_slots)


@worker.command("media")
def worker_media() -> None:
    """Encode videos, which takes all the processor there is for minutes; apart, so that nothing else waits for it."""
    load()
    _become_worker("media", MEDIA_QUEUES, load_process().media_slots)


@worker.command("general")
def worker_general() -> None:
    """Work on every other kind of job."""
    load()
    others = [name for name in KINDS if name not in (*CODE_QUEUES, *MEDIA_QUEUES, BATCHES)]
    _become_worker("general", [*others, MAINTENANCE], load_process().general_slots)


@worker.command("check")
def worker_check() -> None:
    """End with 0 when a worker of this host has beaten lately: for health checks of a container."""
    with open_database() as engine, sessions(engine)() as session:
        names = [record.name for record in list_workers(session)]
    # Silent workers do not stay in the list: the dispatcher's sweeper takes them out.
    if not any(name.startswith(f"{socket.gethostname()}:") for name in names):
        raise click.ClickException("no worker of this host is alive")


@click.group(invoke_without_command=True)
@click.pass_context
def dispatcher(context: click.Context) -> None:
    """Move due jobs from the database to the workers, and heal what was lost; any number may run."""
    if context.invoked_subcommand is None:
        run_dispatcher()


@dispatcher.command("check")
def dispatcher_check() -> None:
    """End with 0 when a dispatcher of this home has looked at all queues lately: for health checks of a container."""
    _check_life(DISPATCHER)


@click.group(invoke_without_command=True)
@click.pass_context
def beat(context: click.Context) -> None:
    """Send the maintenance ticks (Celery beat); none, one or several have the same effect."""
    if context.invoked_subcommand is not None:
        return
    state = load().home / BEAT
    state.mkdir(parents=True, exist_ok=True)
    _become_celery(["beat", "--schedule", str(state / "schedule"), "--pidfile="])


@beat.command("check")
def beat_check() -> None:
    """End with 0 when beat has ticked lately: for health checks of a container."""
    _check_life(BEAT)


@click.command()
def flower() -> None:
    """Show the workers in a browser: Flower, read-only, behind a password."""
    settings = load_process()
    if not settings.flower_password or "," in settings.flower_password:
        raise SettingsError("FLOWER_PASSWORD must be set, without a comma: Flower is never shown without a password")
    load()
    _become(["celery", "--quiet", "--app", "workers.app:app", "flower"], _flower_options(settings))


def _check_life(role: str) -> None:
    silent_s = silence_s(load_stack().home / role)
    if silent_s is None or silent_s > LONGEST_SILENCE_S[role]:
        raise click.ClickException(f"{role} shows no sign of life")


def _flower_options(settings: ProcessSettings) -> dict[str, str]:
    # Flower reads every option from a variable of its name.
    prefix = {"FLOWER_URL_PREFIX": settings.flower_url_prefix} if settings.flower_url_prefix else {}
    return prefix | {
        "FLOWER_BASIC_AUTH": f"{settings.flower_user}:{settings.flower_password}",
        "FLOWER_READ_ONLY": "true",
        "FLOWER_ADDRESS": settings.flower_address,
        "FLOWER_PORT": str(settings.flower_port),
        "FLOWER_PURGE_OFFLINE_WORKERS": "300",
        "FLOWER_TASKS_COLUMNS": "name,uuid,state,received,runtime,worker",
    }


def _become_worker(role: str, queues: Sequence[str], slots: int) -> None:
    # The process id (which exec keeps) tells several workers of one machine apart in Flower.
    name = f"{role}-{os.getpid()}@%h"
    _become_celery(
        ["worker", "--pool", "threads", "--concurrency", str(slots), "--queues", ",".join(queues),
         "--hostname", name, "--without-gossip", "--without-mingle"]
    )  # fmt: skip


def _become_celery(arguments: Sequence[str]) -> None:
    _become(["celery", "--quiet", "--app", "workers.app:app", *arguments], {})


def _become(module_and_arguments: Sequence[str], changes: Mapping[str, str]) -> None:
    os.chdir(REPOSITORY)
    os.execve(sys.executable, [sys.executable, "-m", *module_and_arguments], inherit(changes))  # noqa: S606 - argv, no shell
