"""Reading questions and titles through the application, on the real PostgreSQL and Valkey and a folder of blobs."""

from __future__ import annotations

import pytest

from domain.content.questions import Difficulty
from store import content
from tests.apis import api
from tests.integration.content_world import (
    ANSWER,
    SECRET,
    eventually,
    make_question,
    make_questions,
    make_titles,
    publish_questions,
    publish_titles,
    store_of,
)

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def store(tmp_path):
    return store_of(tmp_path)


@pytest.fixture
def pointers(store):
    return publish_questions(store, make_questions()), publish_titles(store, make_titles())


@pytest.fixture
def yard(database_url, redis_url, tmp_path, pointers):
    with api(database_url, redis_url, tmp_path) as built:
        yield built


def tell(yard, set_name="questions"):
    with yard.sessions() as session:
        content.tell(session, set_name)


def test_the_list_of_questions_is_light_and_needs_no_key(yard, pointers):
    answer = yard.app.test_client().get("/v1/questions")

    assert answer.status_code == 200
    assert answer.json["revision"] == pointers[0].manifest.revision
    assert answer.json["questions"][0] == {
        "id": "question-0",
        "title": "first 0",
        "difficulty": "easy",
        "category": "strings",
        "languages": ["c", "python"],
    }
    assert [each["id"] for each in answer.json["questions"]] == [f"question-{number}" for number in range(10)]


def test_a_question_is_shown_with_its_visible_tests_and_the_number_of_the_hidden_ones(yard):
    answer = yard.app.test_client().get("/v1/questions/question-3")

    assert answer.status_code == 200
    assert answer.json["texts"] == {"prompt": "first prompt", "hints": "first"}
    assert answer.json["starter"] == {"python": "# first\n", "c": ""}
    assert answer.json["tests"] == [{"name": "shown", "stdin": "1 2", "expected_stdout": "3\n"}]
    assert (answer.json["hidden_tests"], answer.json["compare"]) == (1, "tokens")
    assert SECRET not in answer.text
    assert ANSWER not in answer.text


def test_titles_are_listed_and_shown_with_their_cast(yard, pointers):
    client = yard.app.test_client()

    listed, shown = client.get("/v1/titles"), client.get("/v1/titles/title-1")

    assert listed.json["revision"] == shown.json["revision"] == pointers[1].manifest.revision
    assert [each["released_on"] for each in listed.json["titles"]] == ["2026-01-01", "2026-01-02", "2026-01-03"]
    assert "cast" not in listed.json["titles"][0]
    assert shown.json["cast"] == [{"actor": "Ada", "character": "herself"}]


@pytest.mark.parametrize("path", ["/v1/questions/nothing", "/v1/titles/question-1"])
def test_what_was_not_published_is_not_found_and_not_kept_by_caches(yard, path):
    answer = yard.app.test_client().get(path)

    assert (answer.status_code, answer.json["code"]) == (404, "not_found")
    assert answer.headers["Cache-Control"] == "no-store"


def test_questions_are_listed_by_category_and_difficulty(database_url, redis_url, tmp_path, store):
    publish_questions(store, [make_question(1), make_question(2), make_question(3, difficulty=Difficulty.HARD)])
    with api(database_url, redis_url, tmp_path) as yard:
        client = yard.app.test_client()

        def listed(query):
            return [each["id"] for each in client.get(f"/v1/questions?{query}").json["questions"]]

        assert listed("category=arrays") == ["question-1", "question-3"]
        assert listed("category=arrays&difficulty=hard") == ["question-3"]
        assert listed("category=none") == []
        assert client.get("/v1/questions?difficulty=odd").status_code == 422
        assert client.get("/v1/questions?sort=title").status_code == 422


@pytest.mark.parametrize(
    ("path", "keys"),
    [
        ("/v1/questions", "questions"),
        ("/v1/questions?category=arrays", "questions"),
        ("/v1/questions/question-1", "questions questions:question-1"),
        ("/v1/titles", "titles"),
        ("/v1/titles/title-1", "titles titles:title-1"),
    ],
)
def test_browser_and_edge_are_told_how_long_to_keep_an_answer_and_under_which_keys(yard, path, keys):
    client = yard.app.test_client()

    answer = client.get(path)
    again = client.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    weakly = client.get(path, headers={"If-None-Match": f'"other", W/{answer.headers["ETag"]}'})
    other = client.get(path, headers={"If-None-Match": '"other"'})

    assert answer.headers["ETag"] == f'"{answer.json["revision"]}"'
    for each in (answer, again):
        assert each.headers["Content-Revision"] == answer.json["revision"]
        assert each.headers["Cache-Control"] == "public, max-age=60"
        assert each.headers["CDN-Cache-Control"] == "max-age=1800, stale-while-revalidate=86400"
        assert each.headers["Surrogate-Key"] == keys
        assert each.headers["ETag"] == answer.headers["ETag"]
    assert (again.status_code, again.data) == (304, b"")
    assert (weakly.status_code, other.status_code) == (304, 200)


def test_before_anything_is_published_there_is_nothing(database_url, redis_url, tmp_path, store):
    with api(database_url, redis_url, tmp_path) as yard:
        client = yard.app.test_client()

        answer = client.get("/v1/questions")
        assert (answer.status_code, answer.json["detail"]) == (404, "no questions have been published yet")

        publish_questions(store, make_questions())
        tell(yard)
        eventually(lambda: client.get("/v1/questions").status_code == 200)
        assert client.get("/v1/titles").status_code == 404


def test_what_is_published_is_served_as_soon_as_it_is_told(yard, store):
    client = yard.app.test_client()

    pointer = publish_questions(store, make_questions(mark="second"))
    tell(yard)

    eventually(lambda: client.get("/v1/questions").json["revision"] == pointer.manifest.revision)
    assert client.get("/v1/questions/question-1").json["title"] == "second 1"
    assert client.get("/v1/titles").json["titles"][0]["name"] == "first 0"


def test_every_process_says_what_it_serves_to_administrators(yard, pointers):
    reports = yard.client(is_admin=True).get("/v1/content/servers").json["servers"]

    assert [(each["set"], each["revision"]) for each in reports] == [
        (name, pointer.manifest.revision) for name, pointer in zip(("questions", "titles"), pointers, strict=True)
    ]
    assert reports[0]["server"]
    assert reports[0]["process"]
    assert reports[0]["failure"] is None
    assert yard.client().get("/v1/content/servers").status_code == 403
    assert yard.app.test_client().get("/v1/content/servers").status_code == 401


def test_content_is_served_while_redis_is_away(database_url, tmp_path, pointers):
    with api(database_url, NOBODY_LISTENS, tmp_path) as yard:
        assert yard.app.test_client().get("/v1/questions").json["revision"] == pointers[0].manifest.revision
        servers = yard.client(is_admin=True).get("/v1/content/servers")

    assert (servers.status_code, servers.json["code"]) == (503, "servers_unknown")


def test_the_metrics_show_how_old_the_knowledge_of_a_set_is(yard):
    metrics = yard.app.test_client().get("/metrics").text

    for name in ("checked", "loaded"):
        assert f'content_set_{name}_timestamp_seconds{{set="questions"}} 1.' in metrics
