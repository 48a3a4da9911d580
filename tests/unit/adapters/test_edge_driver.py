"""What the driver of a POP refuses to send, and what it makes of a POP that misbehaves."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

import adapters.edge.driver as driver_module
from adapters.edge import HttpPopDriver
from domain.cache_refreshes.edge import EdgeError, EdgeRefusedError, PopStats, Selection

KEY = "0123456789abcdef"
COPY = b'HTTP/1.1 200 OK\r\nETag: "1"\r\nCache-Status: "p"; fwd=miss; stored\r\nContent-Length: 5\r\n\r\n'


@contextmanager
def answering(answer: bytes) -> Iterator[tuple[str, list[bytes]]]:
    """Answer every connection with these bytes, and end it; yield the address and what came."""
    listener = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                received.append(connection.recv(65536))
                connection.sendall(answer)

    thread = threading.Thread(target=serve)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()


@pytest.mark.parametrize(
    "path",
    ["", "v1", "http://elsewhere/", "//elsewhere/v1", "@elsewhere/", ":80/", "/a b", "/a\r\nX: 1", "/a\n", "/../etc",
     "/a/..", "/a/%2e%2e/b", "/a/.%2E", "/a/..%2fb", "/a\\..\\b", "/a#b", "/é", "/" + "a" * 3000,
     "/%76/x", "/a%2Fb", "/a%4a"],
)  # fmt: skip
def test_what_is_no_plain_path_is_not_sent(path: str) -> None:
    with answering(COPY) as (url, received):
        driver = HttpPopDriver(url, KEY)

        for act in (
            lambda: driver.fetch(path),
            lambda: driver.probe(path),
            lambda: driver.purge(Selection(paths=(path,)), is_soft=False),
            lambda: driver.purge(Selection(prefix=path), is_soft=False),
        ):
            with pytest.raises(EdgeRefusedError):
                act()

    assert received == []


@pytest.mark.parametrize("prefix", ["/v1", "/v1/?x/", "/a/b/c/d/e/f/g/h/i/"])
def test_a_prefix_is_a_folder(prefix: str) -> None:
    with pytest.raises(EdgeRefusedError, match="begins and ends with /"):
        HttpPopDriver("http://127.0.0.1:9", KEY).purge(Selection(prefix=prefix), is_soft=False)


@pytest.mark.parametrize("tag", ["", "a b", "a,b", "a\r\nX-Soft-Purge: 1", "é", "a" * 129])
def test_a_tag_is_one_word(tag: str) -> None:
    with pytest.raises(EdgeRefusedError, match="not a tag"):
        HttpPopDriver("http://127.0.0.1:9", KEY).purge(Selection(tags=("fine", tag)), is_soft=False)


@pytest.mark.parametrize(
    "url", ["", "pop", "ftp://pop", "http://", "http://pop/path", "http://pop/?x", "file:///etc"]
)
def test_an_address_is_a_scheme_and_a_host(url: str) -> None:
    with pytest.raises(ValueError, match="a POP's address is like"):
        HttpPopDriver(url, KEY)


def test_redirects_are_not_followed() -> None:
    with answering(COPY + b"12345") as (elsewhere, reached):
        headers = f"Location: {elsewhere}/secret\r\nConnection: close\r\nContent-Length: 0\r\n"
        moved = f"HTTP/1.1 302 Found\r\n{headers}\r\n".encode()
        with answering(moved) as (url, _):
            driver = HttpPopDriver(url, KEY)

            for act in (lambda: driver.fetch("/a"), lambda: driver.probe("/a"), driver.stats):
                with pytest.raises(EdgeError, match="302"):
                    act()

    assert reached == []


@pytest.mark.parametrize(
    "answer",
    [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
     b"HTTP/1.1 200 OK\r\nX-Purged: many\r\nContent-Length: 0\r\n\r\n"],
)  # fmt: skip
def test_nonsense_is_an_error_of_the_pop(answer: bytes) -> None:
    with answering(answer) as (url, _):
        driver = HttpPopDriver(url, KEY)

        for act in (
            lambda: driver.fetch("/a"),
            lambda: driver.probe("/a"),
            lambda: driver.purge(Selection(paths=("/a",)), is_soft=True),
            driver.stats,
        ):
            with pytest.raises(EdgeError):
                act()


def test_a_body_that_ends_early_is_no_copy() -> None:
    with answering(COPY + b"123") as (url, _), pytest.raises(EdgeError, match="/a"):
        HttpPopDriver(url, KEY).fetch("/a")


def test_a_whole_body_is_one() -> None:
    with answering(COPY + b"12345") as (url, received):
        copy = HttpPopDriver(url, KEY).fetch("/a?b=1")

    assert copy is not None
    assert (copy.etag, copy.size_bytes, copy.is_fresh) == ('"1"', 5, True)
    assert received[0].startswith(b"GET /a?b=1 HTTP/1.1\r\n")
    assert b"X-Pop-Key: 0123456789abcdef\r\n" in received[0]


def test_what_the_pop_did_not_keep_was_not_filled() -> None:
    with (
        answering(COPY.replace(b"; stored", b"") + b"12345") as (url, _),
        pytest.raises(EdgeError, match="did not keep"),
    ):
        HttpPopDriver(url, KEY).fetch("/a")


def test_a_body_without_end_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "MAX_OBJECT_BYTES", 1000)
    endless = COPY.replace(b"Content-Length: 5\r\n", b"Connection: close\r\n") + b"x" * 2000
    with answering(endless) as (url, _), pytest.raises(EdgeError, match="larger than 1000 bytes"):
        HttpPopDriver(url, KEY).fetch("/a")


def test_a_pop_that_says_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "READ_TIMEOUT_S", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        driver = HttpPopDriver(f"http://127.0.0.1:{listener.getsockname()[1]}", KEY)

        with pytest.raises(EdgeError, match="timed out"):
            driver.probe("/a")


def test_why_a_pop_is_not_reached_is_said_shortly() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"

    with pytest.raises(EdgeError) as refused:
        HttpPopDriver(url, KEY).stats()
    with pytest.raises(EdgeError) as unknown:
        HttpPopDriver("http://nowhere.invalid", KEY).stats()

    assert str(refused.value) == f"GET {url}/_pop/stats: Connection refused"
    assert str(unknown.value).startswith("GET http://nowhere.invalid/_pop/stats: ")
    assert "(" not in str(unknown.value)


def test_large_statistics_are_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver_module, "MAX_STATS_BYTES", 10)
    body = b'{"hits": 1, "misses": 2, "sent_bytes": 3, "objects": 4, "stored_bytes": 5}'
    answer = f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body
    with answering(answer) as (url, _):
        with pytest.raises(EdgeError, match="larger than 10 bytes"):
            HttpPopDriver(url, KEY).stats()
        monkeypatch.setattr(driver_module, "MAX_STATS_BYTES", 1000)
        assert HttpPopDriver(url, KEY).stats() == PopStats(1, 2, 3, 4, 5)


def test_cookies_of_a_pop_are_not_kept() -> None:
    answer = COPY.replace(b"ETag", b"Set-Cookie: a=b\r\nETag") + b"12345"
    with answering(answer) as (url, received):
        driver = HttpPopDriver(url, KEY)
        driver.fetch("/a")
        driver.fetch("/a")

    assert [b"Cookie" in request for request in received] == [False, False]
