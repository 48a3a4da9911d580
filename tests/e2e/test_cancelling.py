"""A running program is cancelled through the whole stack, in either sandbox: nothing of it goes on."""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import pytest
import requests
from sqlalchemy import text

from cli.engine import is_engine_answering
from store.db import create_engine, sessions
from store.jobs import transitions
from store.jobs.transitions import Holder
from tests.embedded_stack import EmbeddedStack
from tests.sandboxes import eventually

# One process waits and one computes, both for longer than is waited for here. Both bear the argument in their command
# lines, by which they are found: the processes of a box are the host's, too.
SOURCE = """
bash -c 'sleep 29; :' "$1" &
while :; do :; done
"""
LIMITS = {"cpu_s": 15, "wall_s": 30}
PROCESSES = 2
# One second is promised; the rest is for a machine that does much else. Left alone, the program has 15 s.
DEAD_WITHIN_S = 5


@dataclass(frozen=True, slots=True)
class Program:
    """A program that runs: the job, who holds it, and the mark of its processes."""

    job_id: str
    holder: Holder
    mark: str


class Yard:
    """A stack that runs, its user, and its database."""

    def __init__(self, addresses: dict[str, str]) -> None:
        self.engine = create_engine(addresses["database_url"], 1, "test")
        self._url = addresses["api"]
        self._headers = {"Authorization": f"Bearer {addresses['api_key']}"}

    def start_program(self) -> Program:
        mark = secrets.token_hex(16)
        run = {"language": "bash", "source": SOURCE, "args": [mark], "limits": LIMITS}
        job_id = self._request("POST", "/v1/code-runs", json=run).json()["id"]
        eventually(lambda: len(processes_with(mark)) == PROCESSES, timeout_s=60)
        return Program(job_id, self._holder(job_id), mark)

    def cancel(self, job_id: str) -> dict:
        answer = self._request("DELETE", f"/v1/jobs/{job_id}")
        assert answer.status_code == 200
        return answer.json()

    def job(self, job_id: str) -> dict:
        return self._request("GET", f"/v1/jobs/{job_id}").json()

    def events(self, job_id: str) -> list[str]:
        lines = self._request("GET", f"/v1/jobs/{job_id}/events").text.splitlines()
        return [line.removeprefix("event: ") for line in lines if line.startswith("event: ")]

    def _request(self, method: str, path: str, **options: object) -> requests.Response:
        return requests.request(method, self._url + path, headers=self._headers, timeout=30, **options)

    def _holder(self, job_id: str) -> Holder:
        with self.engine.connect() as connection:
            row = connection.execute(text("SELECT epoch, worker FROM jobs WHERE id = :id"), {"id": job_id}).one()
        return Holder(UUID(job_id), row.epoch, row.worker)


@pytest.fixture(scope="module", params=["docker", "namespace"])
def yard(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    if request.param == "docker" and not is_engine_answering():
        pytest.skip("no Docker engine answers")
    home = tmp_path_factory.mktemp(request.param) / "home"
    stack = EmbeddedStack(home, {"SANDBOX": request.param, "API_LANGUAGES": "bash"})
    try:
        stack.start()
        yard = Yard(json.loads((home / "stack.json").read_text()))
        yield yard
        yard.engine.dispose()
    finally:
        stack.end()


def processes_with(mark: str) -> list[str]:
    """Return the command lines of this machine's live processes that bear ``mark``; a zombie has none."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if mark in command:
            found.append(command)
    return found


def test_a_cancelled_program_is_dead_long_before_its_own_end(yard: Yard) -> None:
    program = yard.start_program()

    answer = yard.cancel(program.job_id)

    eventually(lambda: processes_with(program.mark) == [], DEAD_WITHIN_S)
    assert answer["state"] == "cancelled"
    assert yard.job(program.job_id) == answer


def test_what_a_worker_finishes_after_the_cancelling_changes_nothing(yard: Yard) -> None:
    program = yard.start_program()
    cancelled = yard.cancel(program.job_id)
    eventually(lambda: processes_with(program.mark) == [], DEAD_WITHIN_S)

    with sessions(yard.engine)() as session:
        is_finished = transitions.succeed(session, program.holder, {"verdict": "accepted"})

    assert not is_finished
    assert yard.job(program.job_id) == cancelled
    assert yard.events(program.job_id) == ["submitted", "dispatched", "claimed", "cancelled"]
