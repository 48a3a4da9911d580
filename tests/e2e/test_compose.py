"""``docker compose up --scale worker-code=2``: the shipped file, started, and used through its published port."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import requests

from tests.composed_stack import ComposedStack
from tests.sandboxes import docker, eventually

pytestmark = pytest.mark.compose

ONE_OFF = {"migrate", "images"}
# Longer than what is waited for here, and ended by the tests.
LONG = {"language": "python", "source": "import time\ntime.sleep(14)\nprint('done')", "limits": {"wall_s": 30}}
HELLO_C = '#include <stdio.h>\nint main(void) { puts("hello"); }'
REACH_OUT = """
import socket
for address in ("postgres", 5432), ("docker", 2376), ("192.0.2.1", 80), ("127.0.0.11", 53):
    try:
        socket.create_connection(address, 2)
        print("open")
    except OSError:
        print("closed")
"""
POP = {"region": "here", "control_url": "http://pop:8080", "driver": "nginx", "capacity_bytes": 10**9}
# A worker finds out that another died when its lease is over.
RESCUE_TIMEOUT_S = 90


class Client:
    """A user with a key, outside the stack."""

    def __init__(self, stack: ComposedStack, *rights: str) -> None:
        key = stack.execute("api", "yardmaster", "keys", "create", "--owner", "ada", *rights).strip()
        self._url = stack.url
        self._headers = {"Authorization": f"Bearer {key}"}

    def run(self, language: str, source: str) -> dict:
        body = {"language": language, "source": source}
        answer = self.request("POST", "/v1/code-runs", json=body, headers={"Prefer": "wait=20"})
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def submit(self, run: dict) -> str:
        return self.request("POST", "/v1/code-runs", json=run).json()["id"]

    def job(self, job_id: str) -> dict:
        return self.request("GET", f"/v1/jobs/{job_id}").json()

    def cancel(self, job_id: str) -> None:
        assert self.request("DELETE", f"/v1/jobs/{job_id}").status_code == 200

    def request(self, method: str, path: str, headers: dict | None = None, **options: object) -> requests.Response:
        sent = self._headers | (headers or {})
        return requests.request(method, self._url + path, headers=sent, timeout=60, **options)


@pytest.fixture(scope="module")
def stack() -> Iterator[ComposedStack]:
    stack = ComposedStack()
    try:
        stack.start(code_workers=2)
        yield stack
    finally:
        stack.end()


@pytest.fixture(scope="module")
def client(stack: ComposedStack) -> Client:
    return Client(stack, "--tier", "unlimited")


@pytest.fixture(scope="module")
def operator(stack: ComposedStack) -> Client:
    return Client(stack, "--admin")


def running_workers(stack: ComposedStack) -> int:
    return int(stack.query("SELECT count(DISTINCT worker) FROM jobs WHERE kind = 'code_runs' AND state = 'running'"))


def test_programs_run_in_the_engines_own_containers(client: Client) -> None:
    python = client.run("python", "print(6 * 7)")
    compiled = client.run("c", HELLO_C)

    assert [case["stdout"] for case in (*python["cases"], *compiled["cases"])] == ["42\n", "hello\n"]


def test_only_the_chosen_languages_are_offered(client: Client) -> None:
    offered = client.request("GET", "/v1/languages").json()["languages"]

    assert sorted(language["name"] for language in offered) == ["c", "python"]


def test_a_program_reaches_no_network(client: Client) -> None:
    assert client.run("python", REACH_OUT)["cases"][0]["stdout"] == "closed\n" * 4


def test_the_api_does_not_even_find_the_engine(stack: ComposedStack) -> None:
    with pytest.raises(AssertionError, match="gaierror"):
        stack.execute("api", "python3", "-c", "import socket; socket.create_connection(('docker', 2376), 5)")


def test_events_pass_the_proxy_as_they_happen(client: Client) -> None:
    job = client.submit(LONG)
    seen = []

    stream = client.request("GET", f"/v1/jobs/{job}/events", stream=True)
    for line in stream.iter_lines(decode_unicode=True):
        if line.startswith("event: "):
            seen.append(line.removeprefix("event: "))
        # Were it held back until the program is over, it would be too late to cancel.
        if line == "event: claimed":
            client.cancel(job)

    assert seen == ["submitted", "dispatched", "claimed", "cancelled"]


def test_metrics_are_not_for_the_world(client: Client) -> None:
    assert client.request("GET", "/metrics").status_code == 404
    assert client.request("GET", "/flower/metrics").status_code == 404


def test_flower_asks_for_a_password(stack: ComposedStack) -> None:
    assert requests.get(f"{stack.url}/flower/", timeout=10).status_code == 401
    assert requests.get(f"{stack.url}/flower/workers", auth=stack.flower_login, timeout=10).status_code == 200
    assert requests.get(f"{stack.url}/flower", auth=stack.flower_login, timeout=10).url == f"{stack.url}/flower/"


def test_scaled_workers_share_the_runs(stack: ComposedStack, client: Client) -> None:
    jobs = [client.submit(LONG) for _ in range(2)]

    eventually(lambda: running_workers(stack) == 2)

    for job in jobs:
        client.cancel(job)


def test_programs_run_after_others_were_cancelled(client: Client) -> None:
    # More than once for either worker.
    outputs = [client.run("python", "import time\ntime.sleep(0.2)\nprint(7)")["cases"][0]["stdout"] for _ in range(6)]

    assert outputs == ["7\n"] * 6


def test_a_worker_killed_in_mid_run_loses_nothing_and_comes_back(stack: ComposedStack, client: Client) -> None:
    jobs = [client.submit(LONG) for _ in range(2)]
    eventually(lambda: running_workers(stack) == 2)
    killed = stack.containers("worker-code")[0]

    # Everything in the container but its init, which ends with its only child; then the engine starts it again.
    docker("exec", killed, "sh", "-c", "kill -KILL -1")

    eventually(lambda: all(client.job(job)["state"] == "succeeded" for job in jobs), RESCUE_TIMEOUT_S)
    assert sorted(client.job(job)["crashes"] for job in jobs) == [0, 1]
    assert {client.job(job)["result"]["cases"][0]["stdout"] for job in jobs} == {"done\n"}
    assert killed in stack.containers("worker-code")


def test_a_pop_that_was_added_is_filled_and_viewers_get_what_it_holds(stack: ComposedStack, operator: Client) -> None:
    stack.execute("api", "yardmaster", "content", "publish", "config/content", "--set", "titles")
    added = operator.request("PUT", "/v1/pops/local", json=POP | {"url": stack.pop_url})
    assert added.status_code == 201, added.text

    refresh = {"urls": ["/v1/titles"], "mode": "fill", "pops": ["local"], "reason": "a test"}
    begun = operator.request("POST", "/v1/cache-refreshes", json=refresh).json()

    def target() -> dict:
        return operator.request("GET", f"/v1/cache-refreshes/{begun['id']}").json()["targets"][0]

    eventually(lambda: target()["state"] not in ("queued", "running"), RESCUE_TIMEOUT_S)
    assert (target()["state"], target()["verified"], target()["last_error"]) == ("done", 1, None)
    seen = requests.get(f"{stack.pop_url}/v1/titles", timeout=10)
    assert (seen.status_code, seen.headers["X-Cache"]) == (200, "HIT")
    assert seen.json() == operator.request("GET", "/v1/titles").json()


def test_viewers_of_the_pop_purge_nothing_even_with_its_key(stack: ComposedStack) -> None:
    key = {"X-Pop-Key": stack.pop_key}

    assert requests.request("PURGE", f"{stack.pop_url}/v1/titles", headers=key, timeout=10).status_code == 403
    assert requests.get(f"{stack.pop_url}/_pop/stats", headers=key, timeout=10).status_code == 403
    with pytest.raises(AssertionError, match="403"):
        # The way by which the POP fetches is no way to drive it.
        stack.execute(
            "proxy", "wget", "-O", "-", f"--header=X-Pop-Key: {stack.pop_key}", "http://pop:8080/_pop/stats"
        )
    with pytest.raises(AssertionError, match="gaierror"):
        stack.execute("api", "python3", "-c", "import socket; socket.create_connection(('pop', 8080), 5)")


def test_the_pop_shows_nothing_of_the_api_but_content(stack: ComposedStack) -> None:
    for path in ("/metrics", "/flower/", "/v1/languages", "/readyz", "/edge/tokens/1.2/v/r", "/v/1/r/a.ts"):
        assert requests.get(f"{stack.pop_url}{path}", timeout=10).status_code in (403, 404)


def test_every_service_that_stays_is_found_healthy(stack: ComposedStack) -> None:
    staying = set(stack.services()) - ONE_OFF
    expected = {name: ["healthy"] * (2 if name == "worker-code" else 1) for name in staying}

    eventually(lambda: {name: stack.health(name) for name in staying} == expected, RESCUE_TIMEOUT_S)


def test_going_down_leaves_nothing(stack: ComposedStack) -> None:
    stack.end()

    assert stack.remains() == []
