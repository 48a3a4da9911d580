"""A server with as much of the dialect of Google Cloud Storage (its XML API) as a blob store uses, in memory."""

from __future__ import annotations

import hashlib
import itertools
import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from cli.stack.servers import HOST


@dataclass
class _Bucket:
    """What is stored, each with its generation, as https://cloud.google.com/storage/docs/generations-preconditions."""

    objects: dict[str, tuple[bytes, int]] = field(default_factory=dict)
    generations: Iterator[int] = field(default_factory=lambda: itertools.count(1_000))
    lock: threading.Lock = field(default_factory=threading.Lock)


class _Handler(BaseHTTPRequestHandler):
    bucket: _Bucket
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        wanted = self.headers.get("x-goog-if-generation-match")
        with self.bucket.lock:
            _, generation = self.bucket.objects.get(self._name, (b"", 0))
            if wanted is not None and wanted != str(generation):
                return self._answer(412 if wanted.isdigit() else 400)
            self.bucket.objects[self._name] = body, next(self.bucket.generations)
        return self._answer(200, headers=self._facts())

    def do_GET(self) -> None:
        if "list-type" in self._query:
            return self._list()
        if self._name not in self.bucket.objects:
            return self._answer(404)
        body, _ = self.bucket.objects[self._name]
        facts = self._facts()
        if asked := re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", "")):
            first, last = int(asked[1]), min(int(asked[2]), len(body) - 1)
            facts["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            return self._answer(206, body[first : last + 1], facts)
        return self._answer(200, body, facts)

    do_HEAD = do_GET  # noqa: N815 - the name that is looked for

    def do_DELETE(self) -> None:
        with self.bucket.lock:
            found = self.bucket.objects.pop(self._name, None)
        self._answer(204 if found else 404)

    def log_message(self, *_: object) -> None: ...

    @property
    def _name(self) -> str:
        return unquote(urlsplit(self.path).path).lstrip("/").partition("/")[2]

    @property
    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    def _facts(self) -> dict[str, str]:
        body, generation = self.bucket.objects[self._name]
        return {"ETag": f'"{hashlib.md5(body).hexdigest()}"', "x-goog-generation": str(generation),
                "Last-Modified": formatdate(usegmt=True)}  # fmt: skip

    def _list(self) -> None:
        prefix = self._query.get("prefix", [""])[0]
        found = "".join(
            f"<Contents><Key>{escape(name)}</Key><Size>{len(body)}</Size><Generation>{generation}</Generation>"
            f'<ETag>"{hashlib.md5(body).hexdigest()}"</ETag><LastModified>2026-01-01T00:00:00.000Z</LastModified>'
            "</Contents>"
            for name, (body, generation) in sorted(self.bucket.objects.items())
            if name.startswith(prefix)
        )
        self._answer(200, f"<ListBucketResult>{found}</ListBucketResult>".encode())

    def _answer(self, status: int, body: bytes = b"", headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


@contextmanager
def gcs_server(folder: Path) -> Iterator[tuple[str, Path]]:
    """Run a server with one bucket; yield its address, and a file for ``GOOGLE_SERVICE_ACCOUNT``."""

    class Handler(_Handler):
        bucket = _Bucket()

    with ThreadingHTTPServer((HOST, 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        account = folder / "service-account.json"
        account.write_text(json.dumps({"disable_oauth": True, "client_email": "", "private_key": "",
                                       "private_key_id": ""}))  # fmt: skip
        try:
            yield f"http://{HOST}:{server.server_address[1]}", account
        finally:
            server.shutdown()
            thread.join()
