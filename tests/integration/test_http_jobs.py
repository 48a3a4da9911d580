"""Reading and steering jobs through the application, on the real PostgreSQL and Valkey."""

from __future__ import annotations

import threading
import time
from uuid import uuid4

import pytest
from sqlalchemy import text

from store import api_keys
from tests.apis import HELLO, api


@pytest.fixture
def yard(database_url, redis_url):
    with api(database_url, redis_url) as built:
        yield built


@pytest.fixture
def client(yard):
    return yard.client()


def submit(client, count: int = 1) -> list[str]:
    return [client.post("/v1/code-runs", json=HELLO).json["id"] for _ in range(count)]


def later(seconds: float, function, *arguments) -> threading.Timer:
    timer = threading.Timer(seconds, function, arguments)
    timer.start()
    return timer


def test_a_job_that_has_not_changed_is_not_sent_again(yard, client):
    [job] = submit(client)
    etag = client.get(f"/v1/jobs/{job}").headers["ETag"]

    same = client.get(f"/v1/jobs/{job}", headers={"If-None-Match": etag})
    yard.claim(job)
    changed = client.get(f"/v1/jobs/{job}", headers={"If-None-Match": etag})

    assert not etag.startswith("W/")
    assert (same.status_code, same.data, same.headers["ETag"]) == (304, b"", etag)
    assert (changed.status_code, changed.json["state"]) == (200, "running")


def test_waiting_for_a_job_ends_with_the_job(yard, client):
    [job] = submit(client)
    timer = later(0.1, yard.succeed, job)

    answer = client.get(f"/v1/jobs/{job}?wait=20")
    timer.join()

    assert answer.json["state"] == "succeeded"
    assert "Retry-After" not in answer.headers


def test_waiting_with_an_etag_ends_with_any_change(yard, client):
    [job] = submit(client)
    etag = client.get(f"/v1/jobs/{job}").headers["ETag"]
    timer = later(0.1, yard.claim, job)

    answer = client.get(f"/v1/jobs/{job}?wait=20", headers={"If-None-Match": etag})
    timer.join()

    assert (answer.status_code, answer.json["state"]) == (200, "running")


def test_a_listener_that_lost_its_connection_listens_again(yard, client):
    [job] = submit(client)
    client.get(f"/v1/jobs/{job}?wait=0.1")
    with yard.sessions() as session:
        session.execute(
            text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yardmaster-listen'"
            )
        )
    timer = later(1, yard.succeed, job)

    answer = client.get(f"/v1/jobs/{job}?wait=20")
    timer.join()

    assert answer.json["state"] == "succeeded"


def test_another_owners_job_does_not_exist_but_for_an_administrator(yard, client):
    [job] = submit(client)
    stranger, administrator = yard.client("bob"), yard.client("root", is_admin=True)

    for method, path in (("GET", ""), ("DELETE", ""), ("POST", "/retry"), ("GET", "/events")):
        assert stranger.open(f"/v1/jobs/{job}{path}", method=method).status_code == 404
    assert stranger.get("/v1/jobs").json["jobs"] == []

    assert administrator.get(f"/v1/jobs/{job}").json["owner"] == "alice"
    assert [each["id"] for each in administrator.get("/v1/jobs").json["jobs"]] == [job]
    assert administrator.delete(f"/v1/jobs/{job}").status_code == 200


@pytest.mark.parametrize("job_id", [str(uuid4()), "abc", "0", "%00", "x" * 300])
def test_a_job_that_is_not_there_is_not_found(client, job_id):
    answer = client.get(f"/v1/jobs/{job_id}")

    assert (answer.status_code, answer.mimetype) == (404, "application/problem+json")


def test_pages_show_every_job_once_with_the_newest_first(client):
    jobs = submit(client, 5)
    path, seen = "/v1/jobs?limit=2", []

    while path:
        page = client.get(path)
        seen.append([job["id"] for job in page.json["jobs"]])
        path = page.json["next"]
        assert page.headers.get("Link") == (f'<{path}>; rel="next"' if path else None)

    assert seen == [[jobs[4], jobs[3]], [jobs[2], jobs[1]], [jobs[0]]]


def test_a_list_can_be_filtered_and_shows_results_when_asked(yard, client):
    good, bad, waiting = submit(client, 3)
    yard.succeed(good)
    yard.fail(bad)

    def ids(query: str) -> list[str]:
        return [job["id"] for job in client.get(f"/v1/jobs?{query}").json["jobs"]]

    assert ids("state=failed") == [bad]
    assert ids("state=queued&kind=code_runs") == [waiting]
    assert ids("kind=canaries") == []
    [shown] = client.get("/v1/jobs?state=succeeded&include=result").json["jobs"]
    assert shown["result"] == {"verdict": "accepted"}
    assert "result" not in client.get("/v1/jobs?state=succeeded").json["jobs"][0]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("limit=0", "limit"),
        ("limit=201", "limit"),
        ("limit=x", "limit"),
        ("state=lost", "state"),
        ("kind=A%00", "kind"),
        ("parent=1", "parent"),
        ("cursor=zz", "cursor"),
        ("cursor=" + "_" * 21 + "%FF", "cursor"),
        ("include=payload", "include"),
        ("page=2", "page"),
    ],
)
def test_a_bad_parameter_of_a_list_is_named(client, query, parameter):
    answer = client.get(f"/v1/jobs?{query}")

    assert answer.status_code == 422
    assert [error["parameter"] for error in answer.json["errors"]] == [parameter]


@pytest.mark.parametrize("wait", ["-1", "nan", "inf", "x", "1e308", ""])
def test_a_bad_wait_is_named(client, wait):
    [job] = submit(client)

    answer = client.get(f"/v1/jobs/{job}?wait={wait}")

    assert (answer.status_code, answer.json["errors"][0]["parameter"]) == (422, "wait")


def test_cancelling_works_while_a_job_waits_or_runs_and_twice_but_not_after_its_end(yard, client):
    waiting, running, ended = submit(client, 3)
    yard.claim(running)
    yard.succeed(ended)

    assert client.delete(f"/v1/jobs/{waiting}").json["state"] == "cancelled"
    assert client.delete(f"/v1/jobs/{running}").json["state"] == "cancelled"
    assert client.delete(f"/v1/jobs/{running}").status_code == 200
    refused = client.delete(f"/v1/jobs/{ended}")
    assert (refused.status_code, refused.json["type"]) == (409, "/problems/conflict")


def test_a_dead_letter_is_run_again_and_anything_else_is_not(yard, client):
    failed, waiting = submit(client, 2)
    yard.fail(failed)

    again = client.post(f"/v1/jobs/{failed}/retry")

    assert (again.status_code, again.json["state"], again.headers["Location"]) == (
        202,
        "queued",
        f"/v1/jobs/{failed}",
    )
    assert client.post(f"/v1/jobs/{waiting}/retry").status_code == 409


def test_running_again_is_charged_like_a_submission(yard):
    client = yard.client(tier="free")
    [failed] = submit(client)
    yard.fail(failed)

    assert client.post(f"/v1/jobs/{failed}/retry").status_code == 429


def test_the_events_of_a_job_are_streamed_to_its_end_and_resumed_where_they_broke_off(yard, client):
    [job] = submit(client)
    timer = later(0.2, yard.succeed, job)

    text_of_stream = client.get(f"/v1/jobs/{job}/events").text
    timer.join()

    blocks = [block.split("\n") for block in text_of_stream.strip().split("\n\n")[1:]]
    ids = [int(lines[0].removeprefix("id: ")) for lines in blocks]
    assert [lines[1] for lines in blocks] == ["event: submitted", "event: claimed", "event: succeeded"]
    resumed = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(ids[1])}).text
    assert [line for line in resumed.split("\n") if line.startswith("id:")] == [f"id: {ids[2]}"]
    assert client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": str(ids[2])}).status_code == 204


@pytest.mark.parametrize("last", ["-1", "x", "9" * 30, "1.5"])
def test_a_malformed_last_event_id_is_refused(client, last):
    [job] = submit(client)

    answer = client.get(f"/v1/jobs/{job}/events", headers={"Last-Event-ID": last})

    assert (answer.status_code, answer.json["errors"][0]["header"]) == (400, "Last-Event-ID")


def test_streams_are_bounded_and_a_closed_one_makes_room(database_url, redis_url):
    with api(database_url, redis_url, max_streams=1) as yard:
        client = yard.client()
        [job] = submit(client)
        first = client.get(f"/v1/jobs/{job}/events", buffered=False)

        second = client.get(f"/v1/jobs/{job}/events")
        first.close()
        yard.succeed(job)
        third = client.get(f"/v1/jobs/{job}/events")

        assert (second.status_code, second.json["type"]) == (503, "/problems/too-many-streams")
        assert int(second.headers["Retry-After"]) > 0
        assert third.status_code == 200


def test_a_revoked_key_opens_nothing_from_then_on(yard, client):
    assert client.get("/v1/languages").status_code == 200
    with yard.sessions() as session:
        [key] = api_keys.list_all(session)
        assert api_keys.revoke(session, key.id)

    deadline = time.monotonic() + 10
    while client.get("/v1/languages").status_code != 401:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_languages_show_their_limits(client):
    languages = {language["name"]: language for language in client.get("/v1/languages").json["languages"]}

    assert languages["python"]["file_name"].endswith(".py")
    assert not languages["python"]["is_compiled"]
    assert languages["cpp"]["is_compiled"]
    assert languages["python"]["limits"]["cpu_s"] <= languages["python"]["max_limits"]["cpu_s"]


def test_what_is_to_run_later_is_counted_apart_from_what_waits(yard, client, engine):
    administrator = yard.client("root", is_admin=True)
    submit(client, 3)
    with engine.begin() as connection:
        connection.execute(
            text("UPDATE jobs SET run_at = now() + interval '1 hour' WHERE id = (SELECT id FROM jobs LIMIT 1)")
        )

    queues = {queue["name"]: queue for queue in administrator.get("/v1/queues").json["queues"]}
    metrics = administrator.get("/metrics").text.splitlines()

    assert (queues["code_runs"]["queued"], queues["code_runs"]["scheduled"]) == (2, 1)
    assert (queues["videos"]["queued"], queues["videos"]["scheduled"]) == (0, 0)
    assert 'jobs{queue="code_runs",state="queued"} 2.0' in metrics
    assert 'jobs{queue="code_runs",state="scheduled"} 1.0' in metrics
    assert 'jobs_oldest_age_seconds{queue="code_runs",state="scheduled"} 0.0' in metrics


def test_only_an_administrator_sees_and_pauses_queues(yard, client):
    administrator = yard.client("root", is_admin=True)
    submit(client, 2)

    refused = client.post("/v1/queues/code_runs/pause")
    paused = administrator.post("/v1/queues/code_runs/pause")
    queues = {queue["name"]: queue for queue in administrator.get("/v1/queues").json["queues"]}
    resumed = administrator.post("/v1/queues/code_runs/resume")

    assert refused.status_code == 403
    assert paused.json["is_paused"]
    assert (queues["code_runs"]["queued"], queues["code_runs"]["is_paused"]) == (2, True)
    assert not queues["canaries"]["is_paused"]
    assert not resumed.json["is_paused"]
    assert administrator.post("/v1/queues/nothing/pause").status_code == 404


def test_an_unknown_path_and_method_are_problems(client):
    missing, refused = client.get("/v1/nothing"), client.put("/v1/jobs")

    assert (missing.status_code, missing.mimetype) == (404, "application/problem+json")
    assert (refused.status_code, refused.mimetype) == (405, "application/problem+json")
    assert "GET" in refused.headers["Allow"]


def test_a_failure_of_ours_is_a_problem_without_a_trace(yard, client, caplog):
    with yard.sessions() as session:
        session.execute(text("DROP TABLE job_events CASCADE"))

    answer = client.post("/v1/code-runs", json=HELLO, headers={"X-Request-ID": "broken-1"})

    assert answer.status_code == 500
    assert answer.json["instance"] == "urn:request:broken-1"
    assert "job_events" not in answer.text
    assert "job_events" in caplog.text


def test_every_problem_type_explains_itself(client):
    kind = client.get("/v1/nothing").json["type"]

    assert "404 Not found" in client.get(kind).text


def test_the_documentation_needs_nothing_from_elsewhere(client):
    page = client.get("/docs")

    assert page.status_code == 200
    assert "://" not in page.text
    for address in ("/docs/start.js", "/docs/assets/swagger-ui-bundle.js", "/docs/assets/swagger-ui.css"):
        assert address in page.text
        with client.get(address) as asset:
            assert asset.status_code == 200
    assert client.get("/docs/assets/..%2f__init__.py").status_code == 404


def test_the_specification_names_the_languages_and_declares_every_problem(client):
    spec = client.get("/openapi.json").json

    assert spec["openapi"].startswith("3.1")
    assert "python" in spec["components"]["schemas"]["CodeRunIn"]["properties"]["language"]["enum"]
    without_key = set()
    for path, item in spec["paths"].items():
        for operation in item.values():
            if path.startswith("/v1/"):
                assert {"500", "503"} <= set(operation["responses"])
                if "401" not in operation["responses"]:
                    without_key.add(operation["operationId"])
                else:
                    assert operation["security"] == [{"apiKey": []}]
    assert without_key == {"listQuestions", "getQuestion", "listTitles", "getTitle"}
