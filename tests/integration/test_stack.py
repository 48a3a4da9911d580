"""The embedded stack as a whole: real servers, real processes, one command."""

from __future__ import annotations

import hmac
import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from uuid import uuid4

import psycopg2
import pytest
import requests

from adapters.edge import HttpPopDriver
from cli.stack.servers import ValkeyServer
from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError
from tests.embedded_stack import EmbeddedStack
from tests.integration.content_world import write_question
from tests.integration.jobs_world import create_celery
from tests.sandboxes import eventually

PROGRAM = "import sys\nprint(sum(int(line) for line in sys.stdin))\n"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedStack]:
    stack = EmbeddedStack(tmp_path_factory.mktemp("stack") / "home")
    yield stack
    stack.end(signal.SIGKILL)
    assert stack.remains_after(20) == {}


@pytest.fixture(scope="module")
def addresses(stack: EmbeddedStack) -> dict[str, str]:
    return stack.start()


def flower_status(addresses: dict[str, str], method: str, path: str, *, is_known: bool) -> int:
    known = (addresses["flower_user"], addresses["flower_password"]) if is_known else None
    return requests.request(method, addresses["flower"] + path, auth=known, timeout=10).status_code


def flower_shows(addresses: dict[str, str], task_id: str) -> dict[str, object]:
    """Return what Flower knows of a task; nothing if it has not heard of it."""
    known = (addresses["flower_user"], addresses["flower_password"])
    answer = requests.get(f"{addresses['flower']}/api/task/info/{task_id}", auth=known, timeout=10)
    return dict(answer.json()) if answer.status_code == 200 else {}


def flower_shows_the_next_job(addresses: dict[str, str]) -> bool:
    """Run a program, and tell whether Flower shows its job as a task of its kind under its id."""
    job = requests.post(
        f"{addresses['api']}/v1/code-runs",
        json={"language": "python", "source": "print(42)"},
        headers={"Authorization": f"Bearer {addresses['api_key']}", "Prefer": "wait=20"},
        timeout=30,
    ).json()
    give_up_at = time.monotonic() + 30
    while (task := flower_shows(addresses, job["id"])).get("state") != "SUCCESS" and time.monotonic() < give_up_at:
        time.sleep(0.1)
    return (task.get("name"), task.get("state")) == ("code_runs", "SUCCESS")


def wait_until_flower_listens(addresses: dict[str, str], redis_url: str) -> None:
    """Send events of our own until one arrives: Redis keeps none for those who listen later."""
    with create_celery(redis_url) as app, app.connection_for_write() as connection:
        events = app.events.Dispatcher(connection)

        def is_heard() -> bool:
            probe = uuid4().hex
            events.send("task-received", uuid=probe, name="probe")
            time.sleep(0.2)
            return flower_shows(addresses, probe) != {}

        eventually(is_heard, timeout_s=60)


def test_a_pop_stands_before_the_api_and_opens_to_the_stacks_secret(
    addresses: dict[str, str], stack: EmbeddedStack
) -> None:
    secret = (stack.home / "secrets" / "edge_secret").read_bytes()
    driver = HttpPopDriver(addresses["pop"], hmac.new(secret, b"pop:local", "sha256").hexdigest())
    eventually(lambda: _answers(driver))

    answer = requests.get(f"{addresses['pop']}/healthz", timeout=10)

    assert answer.status_code == 200
    assert answer.headers["Cache-Status"].startswith('"local"; ')
    assert (stack.home / "secrets" / "edge_secret").stat().st_mode & 0o077 == 0
    with pytest.raises(EdgeRefusedError):
        HttpPopDriver(addresses["pop"], "another-key-another-key").stats()


def test_the_platform_knows_the_pop_that_it_starts_and_brings_it_what_is_published(addresses: dict[str, str]) -> None:
    admin = {"Authorization": f"Bearer {addresses['api_key']}"}

    known = requests.get(f"{addresses['api']}/v1/pops", headers=admin, timeout=10).json()["pops"]

    assert [(pop["name"], pop["driver"], pop["url"]) for pop in known] == [("local", "embedded", addresses["pop"])]

    def is_at_the_edge() -> bool:
        listed = requests.get(f"{addresses['api']}/v1/cache-refreshes", headers=admin, timeout=10).json()
        states = {each["selection"].get("set"): each["state"] for each in listed["cache_refreshes"]}
        return states.get("questions") == states.get("titles") == "finished"

    eventually(is_at_the_edge, timeout_s=60)
    answer = requests.head(f"{addresses['pop']}/v1/questions/calm-queens", timeout=10)
    assert "hit" in answer.headers["Cache-Status"]


def _answers(driver: HttpPopDriver) -> bool:
    try:
        return driver.stats().objects >= 0
    except EdgeError:
        return False


def test_the_api_is_ready_and_its_docs_are_served(addresses: dict[str, str]) -> None:
    assert requests.get(f"{addresses['api']}/readyz", timeout=10).json()["status"] == "ready"
    assert requests.get(f"{addresses['api']}/docs", timeout=10).status_code == 200


def test_flower_shows_itself_to_those_with_the_password_and_lets_nobody_change_anything(
    addresses: dict[str, str],
) -> None:
    assert flower_status(addresses, "GET", "/workers", is_known=False) == 401
    assert flower_status(addresses, "GET", "/workers", is_known=True) == 200
    assert flower_status(addresses, "POST", "/api/worker/shutdown/any", is_known=True) in {403, 404}


def test_a_program_runs_from_the_command_line(
    stack: EmbeddedStack, addresses: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "sum.py").write_text(PROGRAM)

    done = stack.run("run", str(tmp_path / "sum.py"), "--stdin", "-", stdin="20\n22\n")

    assert done.stdout == "42\n"
    assert done.returncode == 0
    assert "accepted" in done.stderr


def test_flower_shows_a_job_as_a_task_of_its_kind_under_its_id(addresses: dict[str, str]) -> None:
    assert flower_shows_the_next_job(addresses)


def test_a_wrong_answer_is_an_exit_code(stack: EmbeddedStack, addresses: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "sum.py").write_text(PROGRAM)
    (tmp_path / "in").write_text("1\n")
    (tmp_path / "out").write_text("2\n")

    done = stack.run("run", str(tmp_path / "sum.py"), "--case", str(tmp_path / "in"), str(tmp_path / "out"))

    assert done.returncode == 1
    assert "wrong_answer" in done.stderr


def test_keys_are_made_used_and_revoked(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    key = stack.run("keys", "create", "--owner", "ada").stdout.strip()
    headers = {"Authorization": f"Bearer {key}"}
    url = f"{addresses['api']}/v1/jobs"
    assert requests.get(url, headers=headers, timeout=10).json()["jobs"] == []

    key_id = next(line.split()[0] for line in stack.run("keys", "list").stdout.splitlines() if " ada " in line)
    assert stack.run("keys", "revoke", key_id).returncode == 0

    deadline = time.monotonic() + 10
    while requests.get(url, headers=headers, timeout=10).status_code != 401:
        assert time.monotonic() < deadline


def test_the_printed_url_opens_the_database(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    assert addresses["api"]  # It runs.

    with (
        closing(psycopg2.connect(stack.run("db", "url").stdout.strip())) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT count(*) FROM rides")
        assert cursor.fetchone() == (0,)


def test_a_queue_is_paused_and_resumed(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    assert stack.run("queues", "pause", "code_runs").returncode == 0
    assert re.search(r"code_runs +True", stack.run("queues", "list").stdout)

    assert stack.run("queues", "resume", "code_runs").returncode == 0
    assert re.search(r"code_runs +False", stack.run("queues", "list").stdout)


def test_a_queue_that_does_not_exist_is_refused_in_the_apis_words(
    stack: EmbeddedStack, addresses: dict[str, str]
) -> None:
    done = stack.run("queues", "pause", "rides-that-never-were")

    assert done.returncode == 1
    assert "there is no such queue" in done.stderr


def test_content_is_published_from_the_command_line_and_served_by_every_process(
    stack: EmbeddedStack, addresses: dict[str, str], tmp_path: Path
) -> None:
    write_question(tmp_path, "sum-of-two")

    done = stack.run("content", "publish", str(tmp_path), "--set", "questions", "--allow-shrink")

    assert done.returncode == 0, done.stderr
    assert "added    sum-of-two" in done.stdout
    eventually(lambda: "sum-of-two" in requests.get(f"{addresses['api']}/v1/questions", timeout=10).text)

    def status() -> dict[str, list[dict[str, object]]]:
        return dict(json.loads(stack.run("content", "status", "--json").stdout))

    revision = status()["sets"][0]["revision"]
    eventually(
        lambda: [each["revision"] for each in status()["servers"] if each["set"] == "questions"] == 2 * [revision]
    )


def test_a_second_stack_in_the_same_home_is_refused(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    done = stack.run("up")

    assert done.returncode == 1
    assert "a stack is already running" in done.stderr


def test_every_secret_is_readable_by_its_owner_alone(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    files = [*(stack.home / "secrets").iterdir(), stack.home / "stack.json", *stack.home.glob("*/password")]

    assert len(files) >= 5
    assert {path.stat().st_mode & 0o077 for path in files} == {0}


def test_no_password_stands_in_a_command_line(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    secrets = [addresses["flower_password"], addresses["api_key"], (stack.home / "valkey" / "password").read_text()]

    lines = "\n".join(stack.remains().values())

    assert [secret for secret in secrets if secret in lines] == []


def test_every_server_listens_on_loopback_only(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    remains = stack.remains()
    sockets = {
        os.readlink(link).removeprefix("socket:[").rstrip("]")
        for pid in remains
        for link in Path(f"/proc/{pid}/fd").glob("*")
        if link.is_symlink() and os.readlink(link).startswith("socket:")
    }
    rows = [
        line.split() for table in ("tcp", "tcp6") for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]
    ]

    listening = {row[1].split(":")[0] for row in rows if row[3] == "0A" and row[9] in sockets}

    assert listening == {"0100007F"}  # 127.0.0.1, as the kernel writes it.


def test_a_process_that_is_killed_is_replaced(stack: EmbeddedStack, addresses: dict[str, str]) -> None:
    killed = next(pid for pid, command in stack.remains().items() if "dispatcher" in command)
    os.kill(killed, signal.SIGKILL)

    deadline = time.monotonic() + 20
    while not any("dispatcher" in command for pid, command in stack.remains().items() if pid != killed):
        assert time.monotonic() < deadline


def test_a_demo_that_is_interrupted_ends_without_a_complaint(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path / "home")
    # A session of its own: as at a terminal, Ctrl-C reaches the whole group.
    demo = stack.process = subprocess.Popen(
        stack.command("demo"), env=stack.environment, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    assert demo.stderr is not None
    try:
        assert any("The API answers" in line for line in demo.stderr)

        os.killpg(demo.pid, signal.SIGINT)

        lines = demo.stderr.read().splitlines()
        assert demo.wait(60) == 130
    finally:
        stack.end(signal.SIGKILL)
    assert lines[-1] == "Stopped; nothing is left running."
    assert not any("Error" in line for line in lines)
    assert stack.remains() == {}


def test_a_stack_that_is_killed_leaves_nothing_running_and_finds_its_data_again(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path / "home")
    first = stack.start()
    key = stack.run("keys", "create", "--owner", "ada").stdout

    stack.end(signal.SIGKILL)

    assert stack.remains_after(20) == {}
    second = stack.start()
    assert second["api_key"] == first["api_key"]
    assert key
    assert " ada " in stack.run("keys", "list").stdout
    # Told to stop, as by Ctrl-C, it leaves nothing either.
    assert stack.end(signal.SIGINT) == 0
    assert stack.remains() == {}


def test_flower_shows_jobs_again_when_redis_was_started_anew(
    tmp_path: Path, redis_url: str, valkey: ValkeyServer
) -> None:
    stack = EmbeddedStack(tmp_path / "home", {"REDIS_URL": redis_url})
    try:
        addresses = stack.start()
        assert flower_shows_the_next_job(addresses)

        valkey.restart()

        wait_until_flower_listens(addresses, redis_url)
        assert flower_shows_the_next_job(addresses)
    finally:
        stack.end()


def test_commands_say_so_when_no_stack_runs(tmp_path: Path) -> None:
    done = EmbeddedStack(tmp_path / "home").run("jobs", "list")

    assert done.returncode == 3
    assert "no stack is running" in done.stderr


@pytest.mark.parametrize("name", ["API_PORT", "CODE_SLOTS"])
def test_a_wrong_setting_is_a_sentence_and_starts_nothing(tmp_path: Path, name: str) -> None:
    done = EmbeddedStack(tmp_path / "home", {name: "many"}).run("up")

    assert done.returncode == 78
    assert done.stderr == f"Error: {name} must be a whole number above 0, not 'many'\n"
    assert not (tmp_path / "home").exists()
