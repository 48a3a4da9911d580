"""A server with the dialect of S3 for tests, and one before it that lies about conditional writes."""

from __future__ import annotations

import http.client
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

from cli.stack.servers import HOST, free_port
from config.settings import inherit

BUCKET = "content"
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1",
}  # fmt: skip
_CONDITIONS = ("if-match", "if-none-match")
_START_TIMEOUT_S = 30.0


@contextmanager
def s3_server(folder: Path) -> Iterator[str]:
    """Run a server with one bucket, and yield its address."""
    port = free_port()
    log = folder / "s3.log"
    argv = [sys.executable, "-c", f"from moto.server import main; main(['-H', '{HOST}', '-p', '{port}'])"]
    with log.open("wb") as output:
        process = subprocess.Popen(argv, env=inherit(dict(CREDENTIALS)), stdout=output, stderr=output)
    try:
        _make_bucket(port, log)
        yield f"http://{HOST}:{port}"
    finally:
        process.terminate()
        process.wait()


@contextmanager
def lying_server(upstream: str) -> Iterator[str]:
    """Run a server before another one that takes conditional writes and forgets the condition."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            connection = http.client.HTTPConnection(urlsplit(upstream).netloc)
            headers = {name: value for name, value in self.headers.items() if name.lower() not in _CONDITIONS}
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            connection.request(self.command, self.path, body, headers)
            answer = connection.getresponse()
            content = answer.read()
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in ("transfer-encoding", "connection"):
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)
            connection.close()

        do_PUT = do_HEAD = do_DELETE = do_POST = do_GET  # noqa: N815  # The names that are looked for.

        def log_message(self, *_: object) -> None: ...

    server = ThreadingHTTPServer((HOST, 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield f"http://{HOST}:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _make_bucket(port: int, log: Path) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while True:
        try:
            connection = http.client.HTTPConnection(HOST, port)
            connection.request("PUT", f"/{BUCKET}")
            status = connection.getresponse().status
            connection.close()
        except OSError:
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.1)
        else:
            assert status == http.client.OK, log.read_text()
            return
