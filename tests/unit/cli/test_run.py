from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.client import ApiClient, NotReachedError
from cli.run import LOOK_S, PAUSE_S, WAIT_S, run, run_to_the_end


class FakeApi(ApiClient):
    """An API that answers at once; its only job is met in ``states``, one after another.

    Instead of a state: ``Ctrl-C`` interrupts the one who asks, ``away`` gives no answer.
    """

    def __init__(self, *states: str, retry_after_s: float | None = None) -> None:
        self.retry_after_s = retry_after_s
        self.waits: list[str] = []
        self.pauses: list[float] = []
        self.deleted: list[str] = []
        self.is_paused = False
        self._faults = {"Ctrl-C": KeyboardInterrupt(), "away": NotReachedError("no API answers")}
        self._states = list(states)

    def post(
        self, path: str, body: Mapping[str, object] | None = None, headers: Mapping[str, str] | None = None
    ) -> dict[str, object]:
        return self._next()

    def get(self, path: str, query: Mapping[str, str | int] | None = None) -> dict[str, object]:
        if path == "/v1/queues":
            return self._list_queues()
        self.waits.append(str((query or {})["wait"]))
        return self._next()

    def delete(self, path: str) -> dict[str, object]:
        self.deleted.append(path)
        return {}

    def _list_queues(self) -> dict[str, object]:
        return {"queues": [{"name": "code_runs", "is_paused": self.is_paused}, {"name": "other", "is_paused": True}]}

    def _next(self) -> dict[str, object]:
        state = self._states.pop(0)
        if state in self._faults:
            raise self._faults[state]
        return {
            "id": "1",
            "kind": "code_runs",
            "state": state,
            "finished_at": "now" if state == "succeeded" else None,
        }


def test_each_new_state_is_shown_once() -> None:
    shown: list[str] = []
    api = FakeApi("queued", "queued", "queued", "running", "running", "succeeded")

    job = run_to_the_end(api, {}, shown.append, api.pauses.append)

    assert job["state"] == "succeeded"
    assert shown == ["job 1: queued", "running"]
    assert set(api.waits) == {str(LOOK_S)}


def test_a_run_that_ends_at_once_shows_nothing() -> None:
    shown: list[str] = []

    run_to_the_end(FakeApi("queued", "succeeded"), {}, shown.append)

    assert shown == []


def test_who_shows_nothing_waits_long() -> None:
    api = FakeApi("queued", "running", "succeeded")

    run_to_the_end(api, {}, pause=api.pauses.append)

    assert api.waits == [str(WAIT_S)] * 2


@pytest.mark.parametrize(("retry_after_s", "pause_s"), [(None, PAUSE_S), (3.0, 3.0)])
def test_an_api_that_does_not_wait_is_not_asked_over_and_over(retry_after_s: float | None, pause_s: float) -> None:
    api = FakeApi("queued", "queued", "running", "succeeded", retry_after_s=retry_after_s)

    run_to_the_end(api, {}, pause=api.pauses.append)

    assert api.pauses == [pause_s] * 2


def test_a_state_is_looked_for_as_often_as_said_whatever_the_api_would_like() -> None:
    api = FakeApi("queued", "queued", "succeeded", retry_after_s=30.0)

    run_to_the_end(api, {}, lambda _: None, api.pauses.append)

    assert max(api.pauses) <= LOOK_S


def test_a_run_that_waits_in_a_paused_queue_says_so() -> None:
    shown: list[str] = []
    api = FakeApi("queued", "queued", "succeeded")
    api.is_paused = True

    run_to_the_end(api, {}, shown.append, api.pauses.append)

    assert shown == ["job 1: queued; the queue code_runs is paused"]


def test_an_interrupt_cancels_the_job_and_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    api = FakeApi("queued", "running", "Ctrl-C")

    with pytest.raises(SystemExit, match="130"):
        run_to_the_end(api, {}, pause=api.pauses.append)

    assert api.deleted == ["/v1/jobs/1"]
    assert capsys.readouterr().err == "job 1 cancelled\n"


def test_an_api_that_goes_away_leaves_the_id_of_the_job() -> None:
    with pytest.raises(NotReachedError, match="no API answers\n  job 1 was accepted"):
        run_to_the_end(FakeApi("queued", "away"), {})


@pytest.fixture
def bodies(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, object]]]:
    """Answer the command's requests here, and return what it posts."""
    bodies: list[dict[str, object]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            answer = json.dumps({"id": "1", "state": "failed", "error": "-", "finished_at": "now"}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setenv("YARDMASTER_URL", f"http://127.0.0.1:{server.server_address[1]}")
        monkeypatch.setenv("YARDMASTER_API_KEY", "ym_key")
        yield bodies
        server.shutdown()
        thread.join()


def a_file(folder: Path, name: str, content: bytes) -> str:
    (folder / name).write_bytes(content)
    return str(folder / name)


def test_files_are_sent_as_they_are_down_to_the_ends_of_their_lines(
    bodies: list[dict[str, object]], tmp_path: Path
) -> None:
    source, given, expected = (a_file(tmp_path, name, f"{name}\r\n".encode()) for name in ("main.c", "in", "out"))

    CliRunner().invoke(run, ["--language=c", source, "--case", given, expected, "--stdin=-"], input=b"input\r\n")

    cases = [{"name": "in", "stdin": "in\r\n", "expected_stdout": "out\r\n"}]
    assert bodies == [{"language": "c", "source": "main.c\r\n", "stdin": "input\r\n", "cases": cases}]


def test_a_file_that_is_no_text_is_named(bodies: list[dict[str, object]], tmp_path: Path) -> None:
    source, binary = a_file(tmp_path, "main.c", b"text"), a_file(tmp_path, "binary", b"ab\xff")

    for arguments in ([binary], [source, "--case", binary, source], [source, "--case", source, binary]):
        done = CliRunner().invoke(run, ["--language=c", *arguments])

        assert f"{binary} is not UTF-8" in done.output
    assert "the input is not UTF-8" in CliRunner().invoke(run, ["--language=c", source, "--stdin", binary]).output
    assert bodies == []


def test_a_folder_is_no_expected_output(bodies: list[dict[str, object]], tmp_path: Path) -> None:
    source = a_file(tmp_path, "main.c", b"text")

    done = CliRunner().invoke(run, ["--language=c", source, "--case", source, str(tmp_path)])

    assert "is a directory" in done.output
    assert bodies == []
