"""What only a real gunicorn shows: several processes, threads that wait, shutdown, bodies on a socket."""

from __future__ import annotations

import signal
import socket
import threading
import time

import pytest
import requests

from store.db import sessions
from tests.apis import HELLO, make_key, served, succeed


@pytest.fixture
def server(tmp_path, database_url, redis_url):
    with served(tmp_path, database_url, redis_url) as running:
        yield running


@pytest.fixture
def make_session(engine):
    return sessions(engine)


@pytest.fixture
def session(make_session):
    with requests.Session() as opened:
        opened.trust_env = False
        opened.headers["Authorization"] = f"Bearer {make_key(make_session, 'alice')}"
        yield opened


def test_waiting_requests_of_every_process_are_woken_by_the_finish(server, session, make_session):
    job = session.post(f"{server.url}/v1/code-runs", json=HELLO).json()["id"]
    answers = []

    def wait():
        answers.append(requests.get(f"{server.url}/v1/jobs/{job}?wait=20", headers=session.headers).json()["state"])

    threads = [threading.Thread(target=wait) for _ in range(12)]
    for thread in threads:
        thread.start()
    time.sleep(0.5)
    succeed(make_session, job)
    for thread in threads:
        thread.join()

    assert answers == ["succeeded"] * 12


def test_short_requests_are_served_while_every_place_for_waiting_is_taken(tmp_path, database_url, redis_url, session):
    narrow = {"API_PROCESSES": "1", "API_THREADS": "6", "API_MAX_WAITERS": "2", "API_MAX_STREAMS": "2"}
    with served(tmp_path, database_url, redis_url, **narrow) as server:
        job = session.post(f"{server.url}/v1/code-runs", json=HELLO).json()["id"]
        address = f"{server.url}/v1/jobs/{job}"
        waiters = [
            threading.Thread(target=requests.get, args=[f"{address}?wait=3"], kwargs={"headers": session.headers})
            for _ in range(10)
        ]
        streams = [requests.get(f"{address}/events", headers=session.headers, stream=True) for _ in range(4)]
        for waiter in waiters:
            waiter.start()

        short = [requests.get(address, headers=session.headers, timeout=20).status_code for _ in range(20)]

        assert short == [200] * 20
        assert sorted(stream.status_code for stream in streams) == [200, 200, 503, 503]
        for stream in streams:
            stream.close()
        for waiter in waiters:
            waiter.join()


def test_events_arrive_as_they_happen(server, session, make_session):
    job = session.post(f"{server.url}/v1/code-runs", json=HELLO).json()["id"]
    with session.get(f"{server.url}/v1/jobs/{job}/events", stream=True) as stream:
        lines = (line for line in stream.iter_lines(decode_unicode=True) if line.startswith("event:"))

        first = next(lines)
        succeed(make_session, job)
        rest = list(lines)

    assert [first, *rest] == ["event: submitted", "event: claimed", "event: succeeded"]


def test_a_shutdown_answers_those_who_wait_with_the_present_state(server, session):
    job = session.post(f"{server.url}/v1/code-runs", json=HELLO).json()["id"]
    answers = []

    def wait():
        answers.append(session.get(f"{server.url}/v1/jobs/{job}?wait=20", timeout=30))

    waiter = threading.Thread(target=wait)
    waiter.start()
    time.sleep(0.5)
    server.process.send_signal(signal.SIGTERM)
    waiter.join()

    assert answers[0].json()["state"] == "queued"
    assert server.process.wait(30) == 0


@pytest.mark.parametrize("is_chunked", [False, True])
def test_a_body_of_ten_megabytes_is_refused_and_the_refusal_can_be_read(server, session, is_chunked):
    body = b"x" * 10_000_000
    pieces = (body[start : start + 65_536] for start in range(0, len(body), 65_536))

    answer = session.post(
        f"{server.url}/v1/code-runs",
        data=pieces if is_chunked else body,
        headers={"Content-Type": "application/json"},
        timeout=30,
    )

    assert (answer.status_code, answer.headers["Content-Type"]) == (413, "application/problem+json")


def test_a_chunked_body_is_read(server, session):
    answer = session.post(
        f"{server.url}/v1/code-runs",
        data=iter([b'{"language": "python", ', b'"source": "1"}']),
        headers={"Content-Type": "application/json"},
    )

    assert answer.status_code == 202


def test_a_client_that_goes_away_while_it_waits_harms_nobody(server, session):
    job = session.post(f"{server.url}/v1/code-runs", json=HELLO).json()["id"]
    host, port = server.url[7:].split(":")
    request = (
        f"GET /v1/jobs/{job}?wait=1 HTTP/1.1\r\nHost: x\r\nAuthorization: {session.headers['Authorization']}\r\n\r\n"
    )
    for _ in range(5):
        with socket.create_connection((host, int(port))) as gone:
            gone.sendall(request.encode())

    time.sleep(1.5)

    assert session.get(f"{server.url}/v1/jobs/{job}").status_code == 200


def test_the_metrics_of_all_processes_are_added_up(server, session):
    for _ in range(20):
        requests.get(f"{server.url}/v1/languages", headers=session.headers)

    metrics = requests.get(f"{server.url}/metrics").text

    assert 'http_requests_total{method="GET",route="/v1/languages",status="200"} 20.0' in metrics


def test_the_server_starts_and_accepts_jobs_while_redis_is_down(tmp_path, database_url, session):
    with served(tmp_path, database_url, "redis://127.0.0.1:1/0") as server:
        answer = session.post(f"{server.url}/v1/code-runs", json=HELLO)

    assert answer.status_code == 202
