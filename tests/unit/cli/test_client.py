from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import click
import pytest

from cli.client import ApiClient, NotReachedError, RefusedError
from cli.output import print_table
from cli.run import language_of
from cli.stack.servers import free_port

PROBLEM = {
    "title": "Invalid fields",
    "detail": "the request has invalid fields",
    "errors": [{"pointer": "/language", "detail": "is not one of c, python"}],
}
LANGUAGES = {
    "languages": [
        {"name": "c", "file_name": "main.c"},
        {"name": "one", "file_name": "main.x"},
        {"name": "two", "file_name": "other.x"},
    ]
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        status, body = {
            "/v1/languages": (200, json.dumps(LANGUAGES)),
            "/refused": (422, json.dumps(PROBLEM)),
            "/limited": (429, json.dumps({"title": "Too many"})),
            "/broken": (502, "<html>"),
            "/moved": (302, ""),
        }[self.path]
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Retry-After", "7" if status == 429 else "")
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def api() -> Iterator[ApiClient]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        client = ApiClient(f"http://127.0.0.1:{server.server_address[1]}/", "ym_key")
        yield client
        client.close()
        server.shutdown()
        thread.join()


def test_a_refusal_names_every_field(api: ApiClient) -> None:
    with pytest.raises(RefusedError) as refused:
        api.get("/refused")

    assert refused.value.message == (
        "Invalid fields (422): the request has invalid fields\n  /language: is not one of c, python"
    )


def test_a_refusal_for_a_while_says_for_how_long(api: ApiClient) -> None:
    with pytest.raises(RefusedError, match="try again in 7 s"):
        api.get("/limited")

    assert api.retry_after_s == 7


def test_an_answer_that_is_no_problem_document_is_reported_by_its_status(api: ApiClient) -> None:
    with pytest.raises(RefusedError, match="the API answered 502"):
        api.get("/broken")


def test_the_key_is_not_carried_to_where_a_redirect_leads(api: ApiClient) -> None:
    with pytest.raises(RefusedError, match="302"):
        api.get("/moved")


def test_an_address_where_nothing_listens_is_named() -> None:
    client = ApiClient(f"http://127.0.0.1:{free_port()}", "ym_key")

    with pytest.raises(NotReachedError, match=r"no API answers at http://127\.0\.0\.1"):
        client.get("/v1/jobs")


def test_a_files_ending_tells_its_language(api: ApiClient) -> None:
    assert language_of(api, Path("hello.c")) == "c"


@pytest.mark.parametrize("name", ["hello.x", "hello.unknown", "hello"])
def test_an_ending_that_does_not_tell_asks_for_the_language(api: ApiClient, name: str) -> None:
    with pytest.raises(click.UsageError, match="--language"):
        language_of(api, Path(name))


def test_a_language_that_the_stack_does_not_offer_is_named(api: ApiClient) -> None:
    with pytest.raises(
        click.UsageError, match=r"does not offer Rust, as hello\.rs seems to be; it offers c, one, two"
    ):
        language_of(api, Path("hello.rs"))


def test_a_table_is_aligned_and_shows_no_control_characters(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("name", "jobs"), [("a\x1b[31m", 1), (None, 20)])

    assert capsys.readouterr().out == "name    jobs\na?[31m  1\n-       20\n"
