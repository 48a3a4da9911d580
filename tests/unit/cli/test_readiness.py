from __future__ import annotations

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cli.stack.home import Addresses
from cli.stack.readiness import NotReadyError, wait_until_ready

PASSWORD = "Basic " + base64.b64encode(b"yardmaster:secret").decode()


@contextmanager
def a_stack(key: str = "ym_ours", password: str = PASSWORD, busy: int = 0) -> Iterator[str]:
    """Answer like a stack with these credentials, after it was unready ``busy`` times."""
    unready = [503] * busy

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = f"Bearer {key}" if self.path.startswith("/v1") else password
            status = 200 if self.headers["Authorization"] == known else 401
            self.send_response(unready.pop() if unready else status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def ours_at(url: str) -> Addresses:
    return Addresses(1, url, url, url, "yardmaster", "secret", "ym_ours", "", "", "")


def test_a_stack_is_ready_when_it_takes_its_own_key() -> None:
    with a_stack(busy=2) as url:
        wait_until_ready(ours_at(url))


@pytest.mark.parametrize("stranger", [{"key": "ym_theirs"}, {"password": "Basic other"}])
def test_another_stack_in_its_place_is_not_taken_for_it(stranger: dict[str, str]) -> None:
    with a_stack(**stranger) as url, pytest.raises(NotReadyError, match=f"at {url}/.* is not of this stack"):
        wait_until_ready(ours_at(url))


def test_a_stack_that_does_not_answer_is_given_up() -> None:
    with a_stack() as url:
        pass

    with pytest.raises(NotReadyError, match=f"{url}/v1/queues does not answer"):
        wait_until_ready(ours_at(url), timeout_s=0)
