"""The embedded stack: servers, tables, a key, and every process of the platform, under one folder and one command.

Start: hold the home, content, PostgreSQL, Valkey, migrations, key, processes. Stop: the processes drain and end
first, then Valkey, then PostgreSQL, and at last the home is let go. Everything is tethered, so SIGKILL leaves nothing
either.
"""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass
from types import FrameType
from typing import TextIO

import click
import psycopg2
from psycopg2.errors import DuplicateDatabase
from sqlalchemy.exc import OperationalError

from adapters.ffmpeg import missing_programs
from cli.client import ApiClient
from cli.database import describe_silence
from cli.output import show_progress
from cli.sandboxes import SandboxChoice
from cli.stack.content import publish_shipped
from cli.stack.home import Addresses, Home
from cli.stack.ports import choose_port
from cli.stack.readiness import NotReadyError, wait_until_ready
from cli.stack.servers import HOST, PostgresServer, ValkeyServer
from cli.stack.supervisor import Supervisor
from config.settings import REPOSITORY, PopSettings, SettingsError, StackSettings, inherit, load_pop
from domain.cache_refreshes.pops import control_key
from store import api_keys
from store.db import create_engine, transactions
from store.migrate import migrate

MEDIA = "worker-media"
PROCESSES = (
    ("api", ["api"]),
    ("dispatcher", ["dispatcher"]),
    ("worker-code", ["worker", "code"]),
    ("worker-general", ["worker", "general"]),
    (MEDIA, ["worker", "media"]),
    ("beat", ["beat"]),
    ("pop", ["pop", "serve"]),
    ("flower", ["flower"]),
)
DATABASE = "yardmaster"
API_PORT = 8000
FLOWER_PORT = 5555
POP_PORT = 8008
POP_NAME = "local"
POP_REGION = "local"
FLOWER_USER = "yardmaster"
GRACE_S = 40.0


class StackError(Exception):
    """The stack did not come up, or broke; the message says where to look."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a stack is to be: its settings, the sandbox of its workers, and what to do once it answers.

    ``use`` is called with the addresses in a thread of its own; the stack stops when it returns. What the processes
    write goes to ``log``, by default to a file in the home.
    """

    settings: StackSettings
    sandbox: SandboxChoice
    use: Callable[[Addresses], None]
    log: TextIO | None = None


def run_stack(plan: Plan) -> bool:
    """Run the stack until a signal, or until ``plan.use`` returns; tell whether it was a signal.

    Raises:
        StackError: a process keeps crashing, or the stack did not answer in time.
        click.ClickException: as raised by ``plan.use``.
        HomeError, PortTakenError, ServerError: it could not be started.
        SettingsError: a process refuses its settings.
    """
    home = Home(plan.settings.home)
    with home.held(), ExitStack() as stack:
        _stop_in_order_on(signal.SIGTERM, signal.SIGHUP)
        publish_shipped(plan.settings)
        log = plan.log or stack.enter_context(_open_log(home))
        addresses = _start_servers(home, plan.settings, "" if plan.log else log.name, stack)
        return _run_processes(home, plan, log, addresses)


def _stop_in_order_on(*signals: signal.Signals) -> None:
    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    for each in signals:
        signal.signal(each, leave)


def _start_servers(home: Home, settings: StackSettings, log_path: str, stack: ExitStack) -> Addresses:
    database_url = settings.database_url or _start_postgres(home, stack)
    redis_url = settings.redis_url or _start_valkey(home, stack)
    api_port = choose_port(settings.api_port, API_PORT, "API_PORT")
    flower_port = choose_port(settings.flower_port, FLOWER_PORT, "FLOWER_PORT")
    return Addresses(
        pid=os.getpid(),
        api=f"http://{HOST}:{api_port}",
        pop=f"http://{HOST}:{choose_port(None, POP_PORT, 'POP_LISTEN')}",
        flower=f"http://{HOST}:{flower_port}",
        flower_user=FLOWER_USER,
        flower_password=home.secret("flower_password"),
        api_key=_prepare_database(home, database_url, settings),
        database_url=database_url,
        redis_url=redis_url,
        log=log_path,
    )


def _start_postgres(home: Home, stack: ExitStack) -> str:
    server = PostgresServer(home.path / "postgres", is_tethered=True)
    stack.callback(server.stop)
    server.start()
    connection = psycopg2.connect(server.url())
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {DATABASE}")
    except DuplicateDatabase:
        pass  # Not the first start on this home.
    finally:
        connection.close()
    return server.url(DATABASE)


def _start_valkey(home: Home, stack: ExitStack) -> str:
    server = ValkeyServer(home.path / "valkey", is_tethered=True)
    stack.callback(server.stop)
    server.start()
    return server.url()


def _prepare_database(home: Home, url: str, settings: StackSettings) -> str:
    """Bring the tables up to date and return an administrator's key that is valid in this database.

    Raises:
        StackError: it does not answer.
    """
    engine = create_engine(url, pool_size=1, application_name="yardmaster up")
    try:
        migrate(engine)
        with transactions(engine).begin() as session:
            key = home.find_secret("api_key")
            if key is None or api_keys.find_valid(session, key) is None:
                new = api_keys.NewApiKey(owner="local", name="yardmaster up", tier="unlimited", is_admin=True)
                _, key = api_keys.create(session, new)
    except OperationalError as error:
        raise StackError(describe_silence(error, settings)) from error
    finally:
        engine.dispose()
    home.keep_secret("api_key", key)
    return key


def _run_processes(home: Home, plan: Plan, log: TextIO, addresses: Addresses) -> bool:
    supervisor = Supervisor(log, GRACE_S)
    environment = inherit(_environment(plan, addresses))
    for name, arguments in _processes():
        supervisor.add(name, [sys.executable, "-m", "cli", *arguments], environment, REPOSITORY)
    failures: list[click.ClickException | StackError] = []

    def use_and_stop() -> None:
        try:
            wait_until_ready(addresses)
            _introduce_pop(load_pop(environment), addresses)
            home.announce(addresses)
            plan.use(addresses)
        except NotReadyError as error:
            failures.append(StackError(f"{error}; the processes' output is {_log_place(addresses)}"))
        except click.ClickException as error:
            failures.append(error)
        finally:
            supervisor.terminate()

    supervisor.when_started(use_and_stop)
    supervisor.when_stopping(
        lambda: show_progress(
            f"Stopping the processes, in {GRACE_S:.0f} s at most, then the servers; running jobs may end before ..."
        )
    )
    signal.signal(signal.SIGHUP, lambda *_: supervisor.terminate())
    supervisor.loop()
    if supervisor.broken and supervisor.returncode == os.EX_CONFIG:
        raise SettingsError(f"{supervisor.broken} refuses its settings; its output is {_log_place(addresses)}")
    if supervisor.broken:
        raise StackError(f"{supervisor.broken} keeps crashing; its output is {_log_place(addresses)}")
    # Whoever still asks an API that a signal has stopped meets a failure that is none.
    if failures and not supervisor.is_interrupted:
        raise failures[0]
    return supervisor.is_interrupted


def _processes() -> list[tuple[str, list[str]]]:
    missing = missing_programs()
    if missing:
        show_progress(f"No videos will be encoded: {', '.join(missing)} not installed.")
    return [(name, arguments) for name, arguments in PROCESSES if name != MEDIA or not missing]


def _introduce_pop(pop: PopSettings, addresses: Addresses) -> None:
    """Let the platform know its own POP as it is now, so that it is refreshed and videos are played from it."""
    about = {"region": POP_REGION, "driver": "embedded", "url": addresses.pop, "capacity_bytes": pop.capacity_bytes}
    with closing(ApiClient(addresses.api, addresses.api_key)) as api:
        api.put(f"/v1/pops/{pop.name}", about)


def _environment(plan: Plan, addresses: Addresses) -> dict[str, str]:
    edge_secret = plan.settings.edge_secret or Home(plan.settings.home).secret("edge_secret")
    return {
        "EDGE_SECRET": edge_secret,
        "POP_NAME": POP_NAME,
        "POP_KEY": control_key(edge_secret, POP_NAME),
        "POP_ORIGIN": addresses.api,
        "POP_LISTEN": addresses.pop.removeprefix("http://"),
        "POP_CONTROL_NETWORKS": f"{HOST}/32",
        "DATABASE_URL": addresses.database_url,
        "REDIS_URL": addresses.redis_url,
        "YARDMASTER_HOME": str(plan.settings.home),
        "SANDBOX": plan.sandbox.kind,
        "API_LANGUAGES": ",".join(plan.sandbox.languages),
        "API_BIND": addresses.api.removeprefix("http://"),
        "FLOWER_ADDRESS": HOST,
        "FLOWER_PORT": addresses.flower.rsplit(":", 1)[1],
        "FLOWER_USER": addresses.flower_user,
        "FLOWER_PASSWORD": addresses.flower_password,
    }


def _log_place(addresses: Addresses) -> str:
    return f"in {addresses.log}" if addresses.log else "above"


def _open_log(home: Home) -> TextIO:
    path = home.logs / "stack.log"
    if path.exists():
        path.replace(path.with_suffix(".log.1"))
    return path.open("w")
