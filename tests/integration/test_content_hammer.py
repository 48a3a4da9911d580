"""Content under way: nobody ever sees half of a publication, whoever publishes, and whatever becomes of the store."""

from __future__ import annotations

import itertools
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from sqlalchemy import Engine

from adapters.blob_store import create_blob_store
from cli.stack.servers import HOST
from domain.content.blobs import BlobStore
from domain.content.sets import PublishConflictError, read_pointer
from jobs.content import announce
from store import content
from store.db import sessions, transactions
from tests.apis import Server, api, make_key, served
from tests.blob_stores import BUCKET, CREDENTIALS, s3_server
from tests.integration.content_world import (
    eventually,
    make_questions,
    publish_questions,
    store_of,
)

PUBLICATIONS = 24
READERS = 8
CONVERGED_S = 2.0


@pytest.fixture
def store(tmp_path: Path) -> BlobStore:
    return store_of(tmp_path)


class Reader:
    """Reads the list and single questions without a pause, and remembers what was wrong with an answer."""

    def __init__(self, url: str, known: dict[str, str], path: str) -> None:
        self.faults: list[str] = []
        self.revisions: set[str] = set()
        self._url, self._known, self._path = url, known, path

    def run(self, is_over: threading.Event) -> None:
        with requests.Session() as session:
            session.trust_env = False
            while not is_over.is_set():
                self._look_at(session.get(self._url + self._path, timeout=20))

    def _look_at(self, answer: requests.Response) -> None:
        if answer.status_code != 200:
            self.faults.append(f"{answer.status_code}: {answer.text}")
            return
        shown = answer.json()
        revision = shown["revision"]
        titles = [each["title"] for each in shown.get("questions", [shown])]
        marks = {title.split()[0] for title in titles}
        self.revisions.add(revision)
        # A publication's mark is known before its revision can be served.
        if marks != {self._known[revision]} or answer.headers["ETag"] != f'"{revision}"' or not titles:
            self.faults.append(f"{revision} has the marks {marks}")


def test_no_answer_is_empty_or_mixed_while_two_sets_are_published_in_turn(
    tmp_path: Path, database_url: str, redis_url: str, engine: Engine, store: BlobStore
) -> None:
    # The two differ in every record and in length.
    sets = {mark: make_questions(count, mark) for mark, count in (("even", 40), ("odd", 60))}
    known = {publish_questions(store, made).manifest.revision: mark for mark, made in sets.items()}
    is_over = threading.Event()
    with served(tmp_path, database_url, redis_url) as server, ThreadPoolExecutor(READERS) as pool:
        paths = itertools.cycle(["/v1/questions", "/v1/questions/question-7"])
        readers = [Reader(server.url, known, next(paths)) for _ in range(READERS)]
        reading = [pool.submit(reader.run, is_over) for reader in readers]
        try:
            for number in range(PUBLICATIONS):
                pointer = publish_questions(store, sets["odd" if number % 2 else "even"])
                with transactions(engine).begin() as session:
                    announce(session, "questions", pointer.manifest.revision, "test")
                # Some are overtaken by the next one, and some are seen.
                time.sleep(0.02 * (number % 5))
            eventually(lambda: all(known[revision] == "odd" for revision in revisions_of(server, 10)))
        finally:
            is_over.set()
        for each in reading:
            each.result()

    assert [reader.faults for reader in readers] == [[] for _ in readers]
    assert set.union(*(reader.revisions for reader in readers)) == set(known)


def revisions_of(server: Server, requests_: int) -> set[str]:
    return {requests.get(f"{server.url}/v1/questions", timeout=20).json()["revision"] for _ in range(requests_)}


def reported(server: Server, headers: dict[str, str]) -> dict[int, str]:
    """What every process says that it serves of the questions."""
    shown = requests.get(f"{server.url}/v1/content/servers", headers=headers, timeout=20).json()["servers"]
    return {each["process"]: each["revision"] for each in shown if each["set"] == "questions"}


def test_every_process_serves_what_was_published_within_two_seconds(
    tmp_path: Path, database_url: str, redis_url: str, engine: Engine, store: BlobStore
) -> None:
    headers = {"Authorization": f"Bearer {make_key(sessions(engine), 'root', is_admin=True)}"}
    publish_questions(store, make_questions())
    with served(tmp_path, database_url, redis_url, API_PROCESSES="4") as server:
        eventually(lambda: len(reported(server, headers)) == 4)

        pointer = publish_questions(store, make_questions(mark="second"))
        with transactions(engine).begin() as session:
            announce(session, "questions", pointer.manifest.revision, "test")

        eventually(lambda: set(reported(server, headers).values()) == {pointer.manifest.revision}, CONVERGED_S)
        assert revisions_of(server, 20) == {pointer.manifest.revision}


def test_a_publication_that_nobody_was_told_of_is_seen_after_a_gap_in_listening(
    tmp_path: Path, database_url: str, redis_url: str, engine: Engine, store: BlobStore
) -> None:
    publish_questions(store, make_questions())
    with api(database_url, redis_url, tmp_path) as yard:
        reader = yard.app.test_client()
        pointer = publish_questions(store, make_questions(mark="second"))
        with engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'yardmaster-listen'"
                " AND datname = current_database()"
            )

        eventually(lambda: reader.get("/v1/questions").json["revision"] == pointer.manifest.revision)


def test_of_two_who_publish_at_once_one_is_served_whole(
    tmp_path: Path, database_url: str, redis_url: str, engine: Engine, store: BlobStore
) -> None:
    publish_questions(store, make_questions())
    with api(database_url, redis_url, tmp_path) as yard:
        reader = yard.app.test_client()
        for round_ in range(10):
            barrier = threading.Barrier(2)

            def try_to_publish(name: str, round_: int = round_, barrier: threading.Barrier = barrier) -> None:
                made = make_questions(mark=f"{name}-{round_}")
                barrier.wait()
                try:
                    publish_questions(store, made, name)
                except PublishConflictError:
                    return
                with yard.sessions() as session:
                    content.tell(session, "questions")

            with ThreadPoolExecutor(2) as pool:
                list(pool.map(try_to_publish, ("ada", "bob")))
            served_now = read_pointer(store, "questions")
            assert served_now is not None
            wanted = served_now.pointer.manifest.revision
            eventually(lambda wanted=wanted: reader.get("/v1/questions").json["revision"] == wanted)
            marks = {each["title"].split()[0] for each in reader.get("/v1/questions").json["questions"]}
            assert marks == {f"{served_now.pointer.published_by}-{round_}"}


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": lambda data: data.unlink(),
    "truncated": lambda data: data.write_bytes(data.read_bytes()[:-10]),
    "empty": lambda data: data.write_bytes(b""),
    "other": lambda data: data.write_bytes(data.read_bytes().replace(b"second", b"sec0nd")),
    "garbage pointer": lambda data: (data.parent.parent / "current.json").write_bytes(b"{"),
    "no pointer": lambda data: (data.parent.parent / "current.json").unlink(),
    "no store": lambda data: shutil.rmtree(data.parent.parent),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_store_leaves_the_last_good_set_and_is_told(
    tmp_path: Path, database_url: str, redis_url: str, store: BlobStore, damage: str
) -> None:
    first = publish_questions(store, make_questions())
    with api(database_url, redis_url, tmp_path) as yard:
        reader = yard.app.test_client()
        second = publish_questions(store, make_questions(mark="second"))
        DAMAGES[damage](tmp_path / "blobs" / "questions" / second.manifest.revision / "data.json")
        with yard.sessions() as session:
            content.tell(session, "questions")

        admin = yard.client(is_admin=True)
        eventually(lambda: report_of(admin)["failure"] is not None)
        answer = reader.get("/v1/questions")
        assert answer.json["revision"] == report_of(admin)["revision"] == first.manifest.revision
        assert 'content_set_failures_total{set="questions"}' in reader.get("/metrics").text

        # It is tried again by itself, and needs nobody to tell.
        (tmp_path / "blobs" / "questions" / "current.json").unlink(missing_ok=True)
        third = publish_questions(store, make_questions(mark="third"))
        eventually(lambda: reader.get("/v1/questions").json["revision"] == third.manifest.revision)
        eventually(lambda: report_of(admin)["failure"] is None)


def report_of(admin) -> dict[str, str | None]:
    return next(each for each in admin.get("/v1/content/servers").json["servers"] if each["set"] == "questions")


class Ailing:
    """A server before S3 that passes everything on until it is told to do something else."""

    def __init__(self) -> None:
        self.address = ""
        self.answer: Callable[[BaseHTTPRequestHandler, bytes], None] | None = None


@contextmanager
def ailing_server(upstream: str) -> Iterator[Ailing]:
    ailing = Ailing()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            sent = {name: value for name, value in self.headers.items() if name.lower() != "host"}
            with requests.Session() as session:
                session.trust_env = False
                answer = session.request(self.command, upstream + self.path, data=body, headers=sent, timeout=20)
            if ailing.answer is not None:
                ailing.answer(self, answer.content)
                return
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                    self.send_header(name, value)
            self.send_header("Content-Length", answer.headers.get("Content-Length", str(len(answer.content))))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.content)

        do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815  # The names that are looked for.

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    ailing.address = f"http://{HOST}:{server.server_address[1]}"
    try:
        yield ailing
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def refuse(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(500)
    handler.send_header("Content-Length", "0")
    handler.end_headers()


def cut_off(handler: BaseHTTPRequestHandler, content_: bytes) -> None:
    handler.send_response(200)
    for name, value in (("Content-Length", len(content_) + 100), ("ETag", '"x"')):
        handler.send_header(name, str(value))
    handler.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
    handler.end_headers()
    handler.wfile.write(content_)


def rubbish(handler: BaseHTTPRequestHandler, _: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "9")
    handler.send_header("ETag", '"x"')
    handler.send_header("Last-Modified", "Sat, 28 Nov 2026 00:00:00 GMT")
    handler.end_headers()
    handler.wfile.write(b"<html>\n\0\1")


@pytest.fixture
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)


@pytest.mark.usefixtures("credentials")
@pytest.mark.parametrize("ill", [refuse, cut_off, rubbish])
def test_an_s3_that_ails_leaves_the_last_good_set_until_it_is_well(
    tmp_path: Path, database_url: str, redis_url: str, engine: Engine, ill: Callable[..., None]
) -> None:
    headers = {"Authorization": f"Bearer {make_key(sessions(engine), 'root', is_admin=True)}"}
    with s3_server(tmp_path) as honest, ailing_server(honest) as ailing:
        store = create_blob_store(f"s3://{BUCKET}", honest)
        first = publish_questions(store, make_questions())
        environment = {
            "BLOB_STORE_URL": f"s3://{BUCKET}",
            "BLOB_STORE_ENDPOINT": ailing.address,
            "API_PROCESSES": "1",
        }
        with served(tmp_path, database_url, redis_url, **environment) as server:
            assert revisions_of(server, 1) == {first.manifest.revision}

            ailing.answer = ill
            second = publish_questions(store, make_questions(mark="second"))
            with transactions(engine).begin() as session:
                content.tell(session, "questions")
            eventually(lambda: failure_of(server, headers) is not None, 40)
            assert revisions_of(server, 5) == {first.manifest.revision}

            ailing.answer = None
            eventually(lambda: revisions_of(server, 1) == {second.manifest.revision}, 40)


@pytest.mark.usefixtures("credentials")
def test_an_s3_that_is_slow_holds_up_no_viewer_and_is_waited_for(
    tmp_path: Path, database_url: str, redis_url: str, engine: Engine
) -> None:
    is_asked, may_answer, waited_in_vain = threading.Event(), threading.Event(), threading.Event()

    def answer_late(handler: BaseHTTPRequestHandler, _: bytes) -> None:
        is_asked.set()
        if not may_answer.wait(20):
            waited_in_vain.set()
        refuse(handler, b"")

    with s3_server(tmp_path) as honest, ailing_server(honest) as ailing:
        store = create_blob_store(f"s3://{BUCKET}", honest)
        first = publish_questions(store, make_questions())
        environment = {
            "BLOB_STORE_URL": f"s3://{BUCKET}",
            "BLOB_STORE_ENDPOINT": ailing.address,
            "API_PROCESSES": "1",
        }
        with served(tmp_path, database_url, redis_url, **environment) as server:
            ailing.answer = answer_late
            second = publish_questions(store, make_questions(mark="second"))
            with transactions(engine).begin() as session:
                content.tell(session, "questions")
            assert is_asked.wait(20)
            while_it_is_slow = revisions_of(server, 20)
            ailing.answer = None
            may_answer.set()
            eventually(lambda: revisions_of(server, 1) == {second.manifest.revision}, 40)

    assert while_it_is_slow == {first.manifest.revision}
    assert not waited_in_vain.is_set()


def failure_of(server: Server, headers: dict[str, str]) -> str | None:
    shown = requests.get(f"{server.url}/v1/content/servers", headers=headers, timeout=20).json()["servers"]
    return next((each["failure"] for each in shown if each["set"] == "questions"), None)


def test_a_process_that_cannot_load_anything_at_its_start_says_so_and_loads_it_later(
    tmp_path: Path, database_url: str, redis_url: str, store: BlobStore
) -> None:
    pointer = publish_questions(store, make_questions())
    current = tmp_path / "blobs" / "questions" / "current.json"
    whole = current.read_bytes()
    current.write_bytes(b"{")
    with api(database_url, redis_url, tmp_path) as yard:
        reader = yard.app.test_client()

        answer = reader.get("/v1/questions")
        run = yard.client().post(
            "/v1/code-runs", json={"language": "python", "source": "1", "question": "question-1"}
        )
        for each in (answer, run):
            assert (each.status_code, each.json["code"], each.headers["Retry-After"]) == (
                503,
                "content_unavailable",
                "2",
            )

        current.write_bytes(whole)
        eventually(lambda: reader.get("/v1/questions").status_code == 200)
        assert reader.get("/v1/questions").json["revision"] == pointer.manifest.revision
