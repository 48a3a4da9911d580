"""Code runs that answer a question: judged by all its tests, and what is hidden is shown by no answer of the API."""

from __future__ import annotations

import json
from dataclasses import replace
from uuid import UUID

import pytest
from sqlalchemy import Engine, text

from domain.content.questions import QuestionTest
from jobs.kinds import KINDS
from jobs.submit import fingerprint
from store import content
from tests.apis import HELLO, Api, api
from tests.fakes import FakeSandbox
from tests.integration.content_world import (
    ANSWER,
    SECRET,
    eventually,
    make_question,
    make_questions,
    publish_questions,
    store_of,
)
from tests.integration.jobs_world import World, running_lifecycle
from tests.sandboxes import PYTHON, C, create_namespace_sandbox
from tests.unit.workers.test_code_runner import QUICK, NoCache
from workers.tasks.code_runs import CodeRunner

RIGHT = "import sys\nline = input()\nprint(3 if line == '1 2' else 'the-hidden-output')\n"
# All ways by which a program could tell what it has read.
TELLTALE = """
import os, sys
line = sys.stdin.read()
print(line, line[::-1], line.encode().hex())
print(line, file=sys.stderr)
for place in "/tmp", "/box", "/box/app", ".":
    try:
        for name in os.listdir(place):
            if name.startswith("kept"):
                print(open(os.path.join(place, name)).read())
        open(os.path.join(place, "kept"), "w").write(line)
    except OSError:
        pass
sys.stdout.flush()
sys.exit(ord(line[0]))
"""
ANSWERING = {"language": "python", "source": RIGHT, "question": "question-1"}


@pytest.fixture
def store(tmp_path):
    made = store_of(tmp_path)
    publish_questions(made, make_questions())
    return made


@pytest.fixture
def yard(database_url, redis_url, tmp_path, store):
    with api(database_url, redis_url, tmp_path) as built:
        yield built


@pytest.fixture(scope="module")
def sandbox():
    made = create_namespace_sandbox(size=2)
    yield made
    made.close()


def work(engine: Engine, sandbox, *job_ids: str) -> None:
    """Be the worker that runs these jobs to their ends."""
    jobs = World(engine)
    runner = CodeRunner({"python": PYTHON, "c": C}, sandbox, NoCache(), QUICK)
    with running_lifecycle(jobs, runner, KINDS["code_runs"]) as lifecycle:
        for job_id in job_ids:
            lifecycle.run("code_runs", UUID(job_id))


def payloads(yard: Api) -> list[dict]:
    with yard.sessions() as session:
        found = session.execute(
            text("SELECT payload FROM jobs WHERE parent_id IS NOT NULL OR children_total IS NULL")
        )
        return list(found.scalars())


def everything_shown(yard: Api, job_id: str) -> str:
    """All that the job's owner and an administrator can read about it."""
    shown = ""
    for client in (yard.client(), yard.client("root", is_admin=True)):
        for path in (
            f"/v1/jobs/{job_id}",
            "/v1/jobs?include=result",
            f"/v1/jobs?include=result&parent={job_id}",
            f"/v1/jobs/{job_id}/events",
        ):
            answer = client.get(path)
            assert answer.status_code in (200, 204)
            shown += answer.text
    return shown


def assert_tells_nothing(shown: str) -> None:
    for text_ in (SECRET, ANSWER, SECRET[::-1], SECRET.encode().hex()):
        assert text_ not in shown


def test_the_questions_tests_become_the_cases_with_its_rule_and_revision(yard, store):
    answer = yard.client().post("/v1/code-runs", json=ANSWERING)

    assert answer.status_code == 202, answer.text
    payload = payloads(yard)[0]
    assert [(case["name"], case["stdin"], case.get("is_hidden")) for case in payload["cases"]] == [
        ("shown", "1 2", None),
        ("hidden one", SECRET, True),
    ]
    assert payload["compare"] == "tokens"
    revision = yard.app.test_client().get("/v1/questions").json["revision"]
    assert payload["question"] == {"id": "question-1", "revision": revision}
    assert_tells_nothing(answer.text)


def test_an_answer_is_judged_by_all_tests_and_of_the_hidden_ones_only_the_verdict_is_shown(yard, engine, sandbox):
    job_id = yard.client().post("/v1/code-runs", json=ANSWERING).json["id"]
    work(engine, sandbox, job_id)

    result = yard.client().get(f"/v1/jobs/{job_id}").json["result"]

    assert result["verdict"] == "accepted"
    assert result["question"]["id"] == "question-1"
    shown, hidden = result["cases"]
    assert (shown["name"], shown["verdict"], shown["stdout"]) == ("shown", "accepted", "3\n")
    assert hidden.keys() == {"name", "verdict", "usage", "is_hidden"}
    assert (hidden["name"], hidden["verdict"], hidden["is_hidden"]) == ("hidden one", "accepted", True)
    assert_tells_nothing(everything_shown(yard, job_id))


@pytest.mark.parametrize(
    "source",
    [TELLTALE, "raise SystemExit(input())", "import sys\nraise ValueError(sys.stdin.read())", "print(input())",
     "import os, signal\nos.kill(os.getpid(), input().startswith('the') and signal.SIGTERM or signal.SIGINT)"],
)  # fmt: skip
def test_a_program_that_tells_what_it_reads_tells_it_to_nobody(yard, engine, sandbox, source):
    job_id = yard.client().post("/v1/code-runs", json=ANSWERING | {"source": source}).json["id"]
    work(engine, sandbox, job_id)

    shown = everything_shown(yard, job_id)

    assert_tells_nothing(shown)
    hidden = yard.client().get(f"/v1/jobs/{job_id}").json["result"]["cases"][1]
    assert hidden.keys() == {"name", "verdict", "usage", "is_hidden"}
    with engine.connect() as connection:
        assert_tells_nothing(str(connection.execute(text("SELECT result FROM jobs")).scalar_one()))


def test_a_batch_of_answers_tells_nothing_either(yard, engine, sandbox):
    runs = [ANSWERING, ANSWERING | {"source": TELLTALE, "question": "question-2"}, HELLO]
    batch = yard.client().post("/v1/code-runs/batch", json={"runs": runs}).json
    work(engine, sandbox, *batch["children"]["ids"])

    shown = everything_shown(yard, batch["id"])

    assert_tells_nothing(shown)
    results = yard.client().get(f"/v1/jobs?include=result&parent={batch['id']}").json["jobs"]
    assert {job["result"]["verdict"] for job in results} == {"accepted", "runtime_error"}
    assert len({payload["question"]["revision"] for payload in payloads(yard) if "question" in payload}) == 1


def test_what_the_compiler_says_is_shown(yard, engine, sandbox):
    job_id = (
        yard.client().post("/v1/code-runs", json=ANSWERING | {"language": "c", "source": "int main( {"}).json["id"]
    )
    work(engine, sandbox, job_id)

    result = yard.client().get(f"/v1/jobs/{job_id}").json["result"]

    assert result["verdict"] == "compile_error"
    assert "error" in result["compilation"]["stderr"]
    assert result["question"]["id"] == "question-1"


def test_a_box_that_breaks_says_nothing_of_what_was_in_it(yard, engine):
    job_id = yard.client().post("/v1/code-runs", json=ANSWERING).json["id"]
    work(engine, FakeSandbox(failures=100), job_id)

    assert yard.client().get(f"/v1/jobs/{job_id}").json["error"]["message"] == "the sandbox failed"


def test_a_job_that_is_run_again_is_judged_by_the_same_tests(yard, engine, sandbox, store):
    job_id = yard.client().post("/v1/code-runs", json=ANSWERING).json["id"]
    before = payloads(yard)[0]
    for _ in range(KINDS["code_runs"].max_attempts):
        work(engine, FakeSandbox(failures=100), job_id)
        World(engine).execute("UPDATE jobs SET run_at = now()")
    assert yard.client().get(f"/v1/jobs/{job_id}").json["state"] == "failed"
    pointer = publish_questions(store, [make_question(5, "second")])
    with yard.sessions() as session:
        content.tell(session, "questions")
    reader = yard.app.test_client()
    eventually(lambda: reader.get("/v1/questions").json["revision"] == pointer.manifest.revision)

    assert yard.client().post(f"/v1/jobs/{job_id}/retry").status_code == 202
    work(engine, sandbox, job_id)

    job = yard.client().get(f"/v1/jobs/{job_id}").json
    assert (job["state"], job["result"]["verdict"]) == ("succeeded", "accepted")
    assert job["result"]["question"] == before["question"]
    assert payloads(yard)[0] == before


@pytest.mark.parametrize(
    ("change", "pointer"),
    [
        ({"question": "nothing"}, "/question"),
        ({"question": ""}, "/question"),
        ({"question": "x" * 65}, "/question"),
        ({"question": 1}, "/question"),
        ({"cases": [{"stdin": "1"}]}, "/cases"),
        ({"cases": None}, "/cases"),
        ({"stdin": ""}, "/stdin"),
        ({"compare": "exact"}, "/compare"),
    ],
)
def test_a_question_that_is_none_and_what_it_says_already_are_refused_by_name(yard, change, pointer):
    answer = yard.client().post("/v1/code-runs", json=ANSWERING | change)

    assert (answer.status_code, answer.json["code"]) == (422, "invalid_fields")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]
    assert payloads(yard) == []


def test_a_batch_names_the_run_whose_question_is_none(yard):
    runs = [ANSWERING, ANSWERING | {"question": "nothing"}]

    answer = yard.client().post("/v1/code-runs/batch", json={"runs": runs})

    assert (answer.status_code, answer.json["errors"][0]["pointer"]) == (422, "/runs/1/question")
    assert payloads(yard) == []


def test_a_batch_brings_no_more_tests_than_a_body_could(database_url, redis_url, tmp_path, store):
    test = QuestionTest("long", "x" * 1000, "x", is_hidden=True)
    publish_questions(store, [replace(make_question(1), tests=(test,))])
    with api(database_url, redis_url, tmp_path, max_batch_bytes=3000) as yard:
        taken = yard.client().post("/v1/code-runs/batch", json={"runs": [ANSWERING] * 2})
        refused = yard.client().post("/v1/code-runs/batch", json={"runs": [ANSWERING] * 3})

    assert taken.status_code == 202, taken.text
    assert (refused.status_code, refused.json["errors"][0]["pointer"]) == (422, "/runs")


def test_runs_without_a_question_need_no_questions(database_url, redis_url, tmp_path):
    with api(database_url, redis_url, tmp_path / "empty") as yard:
        client = yard.client()

        assert client.post("/v1/code-runs", json=HELLO).status_code == 202
        assert client.post("/v1/code-runs", json=ANSWERING).json["errors"][0]["pointer"] == "/question"


def test_a_request_without_a_question_keeps_the_fingerprint_that_it_had_before_there_were_any(yard):
    client = yard.client()

    first = client.post("/v1/code-runs", json=HELLO, headers={"Idempotency-Key": "k"}).json["id"]

    with yard.sessions() as session:
        kept = session.execute(text("SELECT fingerprint FROM idempotency_keys")).scalar_one()
    sent = {
        "language": "python", "source": "print(1)", "files": [], "args": [], "stdin": "", "cases": None,
        "compare": "lines", "limits": dict.fromkeys(
            ("cpu_s", "wall_s", "memory_bytes", "processes", "output_bytes", "file_bytes")
        ),
    }  # fmt: skip
    assert bytes(kept) == fingerprint(["/v1/code-runs", sent])
    again = client.post("/v1/code-runs", json=json.loads(json.dumps(HELLO)), headers={"Idempotency-Key": "k"})
    assert again.json["id"] == first
