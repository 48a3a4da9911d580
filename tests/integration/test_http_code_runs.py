"""Submitting code runs through the application, on the real PostgreSQL and Valkey."""

from __future__ import annotations

import json
import threading
import time

import pytest
from sqlalchemy import text

from tests.apis import HELLO, api

NOTHING_ENDED = {"finished": 0, "succeeded": 0, "failed": 0, "cancelled": 0, "expired": 0}


@pytest.fixture
def yard(database_url, redis_url):
    with api(database_url, redis_url) as built:
        yield built


def count_jobs(yard) -> int:
    with yard.sessions() as session:
        return session.execute(text("SELECT count(*) FROM jobs")).scalar_one()


def test_a_code_run_is_accepted_and_can_be_polled_at_its_location(yard):
    client = yard.client()

    answer = client.post("/v1/code-runs", json=HELLO, headers={"X-Request-ID": "mine-1"})

    assert answer.status_code == 202
    assert answer.headers["X-Request-ID"] == "mine-1"
    assert answer.headers["Location"] == f"/v1/jobs/{answer.json['id']}"
    assert int(answer.headers["Retry-After"]) >= 1
    polled = client.get(answer.headers["Location"])
    assert polled.status_code == 200
    assert polled.json == answer.json
    assert polled.json["state"] == "queued"
    with yard.sessions() as session:
        assert session.execute(text("SELECT request_id FROM jobs")).scalar_one() == "mine-1"


def test_the_payload_holds_the_whole_run_with_the_languages_limits(yard):
    body = {
        **HELLO,
        "files": [{"name": "a.bin", "content": "/wA=", "encoding": "base64"}],
        "args": ["-x"],
        "stdin": "5",
        "cases": [{"name": "small"}, {"stdin": "7", "expected_stdout": "8"}],
        "compare": "float",
        "limits": {"cpu_s": 1, "processes": 3},
    }

    yard.client().post("/v1/code-runs", json=body)

    with yard.sessions() as session:
        payload = session.execute(text("SELECT payload FROM jobs")).scalar_one()
    assert payload["files"] == [{"name": "a.bin", "content": "/wA=", "content_encoding": "base64"}]
    assert [(case["name"], case["stdin"], case["expected_stdout"]) for case in payload["cases"]] == [
        ("small", "5", None),
        ("2", "7", "8"),
    ]
    assert payload["limits"]["cpu_s"] == 1
    assert payload["limits"]["processes"] == 3
    assert payload["limits"]["memory_bytes"] > 0


BAD_REQUESTS = [
    ({}, "/language"),
    ([], ""),
    ("text", ""),
    (None, "/language"),
    (HELLO | {"language": 7}, "/language"),
    (HELLO | {"language": "cobol"}, "/language"),
    (HELLO | {"language": "../python"}, "/language"),
    (HELLO | {"source": ""}, "/source"),
    (HELLO | {"source": "x" * 65_537}, "/source"),
    (HELLO | {"source": "é" * 40_000}, "/source"),
    (HELLO | {"source": "a\0b"}, "/source"),
    (HELLO | {"source": None}, "/source"),
    (HELLO | {"surce": "x"}, "/surce"),
    (HELLO | {"a/b~c": 1}, "/a~1b~0c"),
    (HELLO | {"stdin": 5}, "/stdin"),
    (HELLO | {"stdin": "\ud800"}, "/stdin"),
    (HELLO | {"args": "x"}, "/args"),
    (HELLO | {"args": ["a", "\0"]}, "/args/1"),
    (HELLO | {"args": ["x"] * 65}, "/args"),
    (HELLO | {"compare": "fuzzy"}, "/compare"),
    (HELLO | {"cases": []}, "/cases"),
    (HELLO | {"cases": [{}] * 101}, "/cases"),
    (HELLO | {"cases": [{}, {"stdin": True}]}, "/cases/1/stdin"),
    (HELLO | {"cases": [{"name": "x" * 101}]}, "/cases/0/name"),
    (HELLO | {"files": [{"name": "main.py", "content": ""}]}, "/files/0/name"),
    (HELLO | {"files": [{"name": "a", "content": ""}, {"name": "a", "content": ""}]}, "/files/1/name"),
    (HELLO | {"files": [{"name": "a", "content": "!", "encoding": "base64"}]}, "/files/0/content"),
    (HELLO | {"files": [{"name": "a", "content": "", "encoding": "hex"}]}, "/files/0/encoding"),
    *[
        (HELLO | {"files": [{"name": name, "content": ""}]}, "/files/0/name")
        for name in ("", ".", "..", "../a", "/etc/passwd", "a/b", "a\0", "a\nb", "x" * 300, "é" * 200)
    ],
    *[
        (HELLO | {"limits": {field: value}}, f"/limits/{field}")
        for field in ("cpu_s", "wall_s", "memory_bytes", "processes", "output_bytes", "file_bytes")
        for value in (0, -1, float("nan"), float("inf"), 1e308, 10**400, "5", True, [1])
    ],
    (HELLO | {"limits": {"memory_bytes": 16 * 2**20 - 1}}, "/limits/memory_bytes"),
    (HELLO | {"limits": {"cpu": 1}}, "/limits/cpu"),
    (HELLO | {"limits": 5}, "/limits"),
]


@pytest.mark.parametrize(("body", "pointer"), BAD_REQUESTS)
def test_a_bad_field_is_named_and_nothing_is_written(yard, body, pointer):
    answer = yard.client().post("/v1/code-runs", data=json.dumps(body), content_type="application/json")

    assert answer.status_code == 422
    assert answer.mimetype == "application/problem+json"
    assert pointer in [error["pointer"] for error in answer.json["errors"]]
    assert all(error["detail"] for error in answer.json["errors"])
    assert count_jobs(yard) == 0


@pytest.mark.parametrize(
    ("body", "content_type", "status"),
    [
        (b"{", "application/json", 400),
        (b"", "application/json", 400),
        (b'{"language": "python", "source": "\xff"}', "application/json", 400),
        (b'{"source": "1", "source": "2"}', "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"x" * 10_000_000, "application/json", 413),
        (b'{"language": "python", "source": "1"}', "text/plain", 415),
        (b"language=python&source=1", "application/x-www-form-urlencoded", 415),
    ],
)
def test_a_body_that_cannot_be_read_is_refused(yard, body, content_type, status):
    answer = yard.client().post("/v1/code-runs", data=body, content_type=content_type)

    assert answer.status_code == status
    assert answer.mimetype == "application/problem+json"
    assert answer.json["status"] == status
    assert answer.json["instance"].endswith(answer.headers["X-Request-ID"])
    assert count_jobs(yard) == 0


def test_a_batch_names_the_run_and_field_and_accepts_none(yard):
    runs = [HELLO, HELLO | {"source": ""}, HELLO | {"language": "cobol"}]

    shape = yard.client().post("/v1/code-runs/batch", json={"runs": runs})
    meaning = yard.client().post("/v1/code-runs/batch", json={"runs": [HELLO, runs[2], runs[2]]})

    assert [error["pointer"] for error in shape.json["errors"]] == ["/runs/1/source"]
    assert [error["pointer"] for error in meaning.json["errors"]] == ["/runs/1/language", "/runs/2/language"]
    assert count_jobs(yard) == 0


def test_a_batch_shows_how_many_of_its_runs_have_ended_and_how(yard):
    client = yard.client()

    batch = client.post("/v1/code-runs/batch", json={"runs": [HELLO] * 4}).json
    ids = batch["children"]["ids"]
    yard.succeed(ids[1])
    yard.fail(ids[3])

    assert batch["children"] == NOTHING_ENDED | {"total": 4, "ids": ids}
    ended = {"finished": 2, "succeeded": 1, "failed": 1}
    assert client.get(batch["links"]["self"]).json["children"] == batch["children"] | ended
    client.delete(f"/v1/jobs/{ids[0]}")
    yard.succeed(ids[2])
    finished = client.get(batch["links"]["self"]).json
    assert finished["state"] == "succeeded"
    ended = {"finished": 4, "succeeded": 2, "failed": 1, "cancelled": 1}
    assert finished["children"] == batch["children"] | ended


def test_the_runs_of_a_batch_are_listed_without_their_counts(yard):
    client = yard.client()

    batch = client.post("/v1/code-runs/batch", json={"runs": [HELLO] * 3}).json

    listed = client.get(batch["links"]["children"]).json["jobs"]
    assert [job["id"] for job in reversed(listed)] == batch["children"]["ids"]
    (shown,) = [job["children"] for job in client.get("/v1/jobs").json["jobs"] if job["id"] == batch["id"]]
    assert shown == {"total": 3, "finished": 0}


def test_a_cancelled_batch_counts_a_run_that_is_run_again(yard):
    client = yard.client()
    batch = client.post("/v1/code-runs/batch", json={"runs": [HELLO] * 2}).json
    failed = batch["children"]["ids"][0]
    yard.fail(failed)
    client.delete(batch["links"]["self"])
    before = client.get(batch["links"]["self"])

    client.post(f"/v1/jobs/{failed}/retry")

    after = client.get(batch["links"]["self"], headers={"If-None-Match": before.headers["ETag"]})
    assert before.json["children"] == batch["children"] | {"finished": 2, "failed": 1, "cancelled": 1}
    assert (after.status_code, after.json["state"]) == (200, "cancelled")
    assert after.json["children"] == batch["children"] | {"finished": 1, "cancelled": 1}
    again = client.get(batch["links"]["self"], headers={"If-None-Match": after.headers["ETag"]})
    assert again.status_code == 304


def test_a_batch_of_more_than_a_hundred_runs_is_refused(yard):
    answer = yard.client().post("/v1/code-runs/batch", json={"runs": [HELLO] * 101})

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/runs")


def test_a_batch_may_be_larger_than_a_single_run(yard):
    runs = [HELLO | {"source": "#" * 60_000}] * 40

    answer = yard.client().post("/v1/code-runs/batch", json={"runs": runs})

    assert answer.status_code == 202


def test_waiting_answers_with_the_finished_job_as_soon_as_it_has_ended(yard):
    client = yard.client()

    def work():
        while count_jobs(yard) == 0:
            time.sleep(0.01)
        with yard.sessions() as session:
            job_id = session.execute(text("SELECT id::text FROM jobs")).scalar_one()
        yard.succeed(job_id)

    worker = threading.Thread(target=work)
    worker.start()
    answer = client.post("/v1/code-runs", json=HELLO, headers={"Prefer": "wait=60"})
    worker.join()

    assert answer.status_code == 200
    assert answer.headers["Preference-Applied"] == "wait=20"
    assert answer.json["state"] == "succeeded"
    assert answer.json["result"] == {"verdict": "accepted"}


def test_waiting_in_vain_answers_that_the_job_was_accepted(yard):
    answer = yard.client().post("/v1/code-runs", json=HELLO, headers={"Prefer": "wait=1"})

    assert (answer.status_code, answer.json["state"]) == (202, "queued")


def test_who_prefers_an_answer_at_once_gets_it(yard):
    answer = yard.client().post("/v1/code-runs", json=HELLO, headers={"Prefer": "respond-async"})

    assert (answer.status_code, answer.headers["Preference-Applied"]) == (202, "respond-async")


def test_beyond_the_places_for_waiting_the_answer_comes_at_once(database_url, redis_url):
    with api(database_url, redis_url, max_waiters=1) as yard:
        first = threading.Thread(
            target=yard.client().post, args=["/v1/code-runs"], kwargs={"json": HELLO, "headers": {"Prefer": "wait=2"}}
        )
        first.start()
        while count_jobs(yard) == 0:
            time.sleep(0.01)
        time.sleep(0.2)

        answer = yard.client().post("/v1/code-runs", json=HELLO, headers={"Prefer": "wait=20"})

        assert first.is_alive()
        assert answer.status_code == 202
        assert "Preference-Applied" not in answer.headers
        first.join()


def test_the_same_key_and_body_give_the_same_job(yard):
    client, headers = yard.client(), {"Idempotency-Key": '"k-1"'}

    first = client.post("/v1/code-runs", json=HELLO, headers=headers)
    second = client.post("/v1/code-runs", json=dict(reversed(HELLO.items())), headers={"Idempotency-Key": "k-1"})
    other = client.post("/v1/code-runs", json=HELLO | {"stdin": "x"}, headers=headers)

    assert "Idempotent-Replayed" not in first.headers
    assert second.headers["Idempotent-Replayed"] == "true"
    assert second.json == first.json
    assert (other.status_code, other.json["type"]) == (422, "/problems/idempotency-key-reused")
    assert count_jobs(yard) == 1


def test_owners_do_not_share_idempotency_keys(yard):
    headers = {"Idempotency-Key": "k"}

    jobs = [yard.client(owner).post("/v1/code-runs", json=HELLO, headers=headers).json["id"] for owner in "ab"]

    assert len(set(jobs)) == 2


def test_fifty_racing_requests_with_one_key_make_one_job(yard):
    key, jobs, lock = yard.key("alice"), set(), threading.Lock()

    def post():
        headers = {"Idempotency-Key": "race", "Authorization": f"Bearer {key}"}
        answer = yard.app.test_client().post("/v1/code-runs", json=HELLO, headers=headers)
        with lock:
            jobs.add((answer.status_code, answer.json["id"]))

    threads = [threading.Thread(target=post) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(jobs) == 1
    assert count_jobs(yard) == 1


@pytest.mark.parametrize("key", ["", '""', "x" * 256, "a b", "é"])
def test_a_malformed_idempotency_key_is_refused(yard, key):
    answer = yard.client().post("/v1/code-runs", json=HELLO, headers={"Idempotency-Key": key})

    assert answer.status_code == 400
    assert answer.json["errors"][0]["header"] == "Idempotency-Key"
    assert count_jobs(yard) == 0


def test_a_tier_is_held_to_all_its_windows_and_told_what_is_left(yard):
    client = yard.client(tier="free")

    first = client.post("/v1/code-runs", json=HELLO)
    second = client.post("/v1/code-runs", json=HELLO)

    assert first.headers["RateLimit-Policy"] == '"per1s";q=1;w=1, "per60s";q=5;w=60'
    assert first.headers["RateLimit"] == '"per1s";r=0;t=1, "per60s";r=4;t=60'
    assert second.status_code == 429
    assert second.headers["Retry-After"] == "1"
    assert second.json["type"] == "/problems/rate-limited"
    assert count_jobs(yard) == 1


def test_a_refused_request_with_a_known_idempotency_key_is_still_answered(yard):
    client, headers = yard.client(tier="free"), {"Idempotency-Key": "k"}

    first = client.post("/v1/code-runs", json=HELLO, headers=headers)
    second = client.post("/v1/code-runs", json=HELLO, headers=headers)

    assert (second.status_code, second.json["id"]) == (202, first.json["id"])


def test_a_batch_costs_as_many_submissions_as_it_has_runs(yard):
    client = yard.client(tier="pro")

    batch = client.post("/v1/code-runs/batch", json={"runs": [HELLO] * 10})
    after = client.post("/v1/code-runs", json=HELLO)

    assert batch.status_code == 202
    assert after.status_code == 429


def test_an_administrator_is_not_limited(yard):
    client = yard.client(tier="free", is_admin=True)

    assert {client.post("/v1/code-runs", json=HELLO).status_code for _ in range(8)} == {202}


def test_an_invalid_request_is_not_charged(yard):
    client = yard.client(tier="free")

    client.post("/v1/code-runs", json={})

    assert client.post("/v1/code-runs", json=HELLO).status_code == 202


def test_submitting_works_while_redis_is_away(database_url):
    with api(database_url, "redis://127.0.0.1:1/0") as yard:
        client = yard.client(tier="free")

        statuses = [client.post("/v1/code-runs", json=HELLO).status_code for _ in range(3)]

        assert statuses == [202] * 3
        metrics = client.get("/metrics").text
        assert 'rate_limit_decisions_total{outcome="unseen",tier="free"} 3.0' in metrics


@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer x", "Basic YTpi", "Bearer ym_" + "x" * 43, "Bearer é", "Bearer a b"]
)
def test_without_a_valid_key_nothing_is_served(yard, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}

    answer = yard.app.test_client().post("/v1/code-runs", json=HELLO, headers=headers)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert count_jobs(yard) == 0
