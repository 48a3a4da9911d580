from __future__ import annotations

from types import SimpleNamespace

import pytest
import requests

from cli.client import RefusedError
from cli.demo_content import GIVE_UP_S, LIST, DemoContent, Tour
from tests.unit.cli.simulation.virtual import VirtualClock

QUESTION = "pair-of-weights"
ACCEPTED = {"verdict": "accepted", "cases": [{"verdict": "accepted"}, {"verdict": "accepted"}]}
REFRESH = {"id": "7", "mode": "soft", "state": "finished",
           "targets": [{"state": "done", "removed": 3, "filled": 2, "verified": 2, "last_error": None}]}  # fmt: skip


class FakeApi:
    """An API that gives prepared answers; those that are exceptions are raised."""

    def __init__(self, **changes: object) -> None:
        self.answers = {
            "/v1/languages": {"languages": [{"name": "python"}]},
            "/v1/questions": {"questions": [{"id": "somebody-elses"}, {"id": QUESTION}]},
            "/v1/code-runs": {"id": "1", "state": "succeeded", "finished_at": "now", "result": ACCEPTED},
            "/v1/cache-refreshes": {"cache_refreshes": [], "id": "7"},
            "/v1/cache-refreshes/7": REFRESH,
        } | {f"/v1/{path.replace('_', '-')}": answer for path, answer in changes.items()}
        self.bodies: list[dict[str, object]] = []

    def get(self, path: str, query: object = None) -> dict[str, object]:
        answer = self.answers[path]
        if isinstance(answer, Exception):
            raise answer
        return answer  # type: ignore[return-value]  # An error was raised above.

    def post(self, path: str, body: dict[str, object]) -> dict[str, object]:
        self.bodies.append(body)
        return self.get(path)


class FakeEdge:
    """A POP that handles what it is asked as it was told to."""

    def __init__(self, *handled: str) -> None:
        self.handled = list(handled)

    def get(self, path: str) -> SimpleNamespace:
        assert path == LIST
        handling = self.handled.pop(0) if len(self.handled) > 1 else self.handled[0]
        return SimpleNamespace(ok=True, status_code=200, headers={"X-Cache": handling, "Cache-Status": '"local"'})


@pytest.fixture(autouse=True)
def without_ffmpeg(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")


def show(api: FakeApi, *handled: str) -> tuple[Tour, VirtualClock]:
    clock = VirtualClock()

    def pause(seconds: float) -> None:
        clock.now_s += seconds

    edge = FakeEdge(*(handled or ("MISS", "HIT", "STALE", "STALE", "HIT")))
    return DemoContent(api, api, edge, clock, pause).show(), clock  # type: ignore[arg-type]  # They only look alike.


def test_everything_is_shown_but_a_film_where_there_is_no_ffmpeg(capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeApi()

    tour, _ = show(api)
    tour.print()

    assert tour.is_complete
    assert (api.bodies[0]["question"], api.bodies[0]["language"]) == (QUESTION, "python")
    lines = capsys.readouterr().out.splitlines()
    assert "accepted, 2 of 2 cases" in lines[1]
    assert [line.split('"')[0].split()[-2:] for line in (*lines[2:4], *lines[5:7])] == [
        ["200", f"{handling},"] for handling in ("MISS", "HIT", "STALE", "HIT")
    ]
    assert "3 made stale, 2 fetched, 2 proven" in lines[4]
    assert "makes no film" in lines[7]
    assert "not installed: ffmpeg" in lines[7]


def test_a_wrong_verdict_ends_it() -> None:
    wrong = {"verdict": "wrong_answer", "cases": [{"verdict": "accepted"}, {"verdict": "wrong_answer"}]}
    job = {"id": "1", "state": "succeeded", "finished_at": "now", "result": wrong}

    tour, _ = show(FakeApi(code_runs=job))

    assert not tour.is_complete
    assert [step.result for step in tour.steps] == ["wrong_answer, 1 of 2 cases"]
    assert tour.failure == f"answers {QUESTION} in python: wrong_answer, 1 of 2 cases"


def test_where_no_question_came_along_the_rest_is_shown() -> None:
    tour, _ = show(FakeApi(questions={"questions": [{"id": "somebody-elses"}]}))

    assert tour.is_complete
    assert tour.steps[0].did == "answers no question"


@pytest.mark.parametrize("handled", [("MISS", "MISS"), ("HIT",), ("MISS", "HIT", "HIT")])
def test_a_pop_that_does_not_do_what_it_should_ends_it(handled: tuple[str, ...]) -> None:
    tour, _ = show(FakeApi(), *handled)

    assert not tour.is_complete
    assert tour.failure is not None
    assert handled[-1] in tour.failure


def test_a_stale_copy_that_is_never_fetched_anew_is_waited_for_so_long() -> None:
    tour, clock = show(FakeApi(), "MISS", "HIT", "STALE")

    assert not tour.is_complete
    assert GIVE_UP_S <= clock.now_s < GIVE_UP_S + 1


def test_a_refresh_that_fails_ends_it_with_the_reason() -> None:
    away = {"state": "deferred", "removed": 0, "filled": 0, "verified": 0, "last_error": "connection refused"}

    tour, _ = show(FakeApi(**{"cache_refreshes/7": REFRESH | {"state": "deferred", "targets": [away]}}))

    assert tour.failure is not None
    assert "connection refused" in tour.failure


def test_a_refusal_is_told() -> None:
    answer = requests.Response()
    answer.status_code, answer._content = 404, b'{"title": "Not found", "detail": "no sets"}'

    tour, _ = show(FakeApi(questions=RefusedError(answer)))

    assert (tour.steps, tour.is_complete) == ([], False)
    assert "no sets" in str(tour.failure)


def test_no_film_takes_the_place_of_one_that_a_title_has_already(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cli.demo_content.missing_programs", list)
    pages = {
        "videos?limit=200": {"videos": [{"title": "one", "state": "ready"}], "next": "/v1/videos?before=7"},
        "videos?before=7": {"videos": [{"title": "two", "state": "processing"}], "next": None},
        "titles": {"titles": [{"id": "one"}, {"id": "two"}]},
    }

    tour, _ = show(FakeApi(**pages))

    assert tour.is_complete
    assert tour.steps[-1].result == "there is no title without a video"
