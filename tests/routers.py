"""A router of nobody's roads: an HTTP server on loopback that answers as OSRM and as Valhalla document.

Every way is straight and driven at 20 m/s, but for places north of ``LAND_ENDS``, which no road reaches.
``misbehave`` is called in place of an answer.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from domain.rides.model import Place
from tests.fakes import FakeEta

LAND_ENDS = 60.0
SPEED_MPS = 20.0


class StandInRouter:
    """``tables`` are the sizes of the tables asked for; ``released`` ends whatever still hangs."""

    def __init__(self) -> None:
        self.tables: list[tuple[int, int]] = []
        self.misbehave: Callable[[BaseHTTPRequestHandler], None] | None = None
        self.released = threading.Event()
        router = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                router.answer(self, osrm_table)

            def do_POST(self) -> None:
                router.answer(self, valhalla_table)

            def log_message(self, *_: object) -> None:
                """Keep the tests' output to the tests."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def answer(self, handler: BaseHTTPRequestHandler, table: Callable[..., dict[str, object]]) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        if self.misbehave:
            # Counted here, so that a test can tell who asked at all.
            self.tables.append((0, 0))
            self.misbehave(handler)
            return
        send_json(handler, table(self, handler.path, body))

    def seconds(self, origins: list[Place], destinations: list[Place]) -> list[list[float | None]]:
        self.tables.append((len(origins), len(destinations)))
        assert len(origins) + len(destinations) <= 100
        rows = [FakeEta(SPEED_MPS).pairs([origin] * len(destinations), destinations).seconds for origin in origins]
        seconds = np.array(rows)
        seconds[[place.latitude > LAND_ENDS for place in origins], :] = np.nan
        seconds[:, [place.latitude > LAND_ENDS for place in destinations]] = np.nan
        return [[None if np.isnan(cell) else round(cell, 1) for cell in row] for row in seconds.tolist()]

    @contextmanager
    def running(self) -> Iterator[StandInRouter]:
        thread = threading.Thread(target=self._server.serve_forever, args=[0.01])
        thread.start()
        try:
            yield self
        finally:
            self.released.set()
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def osrm_table(router: StandInRouter, path: str, _: bytes) -> dict[str, object]:
    where, query = path.split("?")
    prefix, version, profile, coordinates = where.strip("/").split("/")
    assert (prefix, version, profile) == ("table", "v1", "driving")
    places = [Place(float(pair.split(",")[1]), float(pair.split(",")[0])) for pair in coordinates.split(";")]
    options = dict(option.split("=") for option in query.split("&"))
    sources = [places[int(number)] for number in options["sources"].split(";")]
    destinations = [places[int(number)] for number in options["destinations"].split(";")]
    return {
        "code": "Ok",
        "durations": router.seconds(sources, destinations),
        "sources": [{"name": "", "location": [place.longitude, place.latitude]} for place in sources],
        "destinations": [{"name": "", "location": [place.longitude, place.latitude]} for place in destinations],
    }


def valhalla_table(router: StandInRouter, path: str, body: bytes) -> dict[str, object]:
    question = json.loads(body)
    assert (path, question["costing"]) == ("/sources_to_targets", "auto")
    sources, targets = (
        [Place(place["lat"], place["lon"]) for place in question[name]] for name in ("sources", "targets")
    )
    return {
        "sources_to_targets": [
            [
                {"from_index": row, "to_index": column, "time": cell, "distance": cell and cell * SPEED_MPS / 1000}
                for column, cell in enumerate(cells)
            ]
            for row, cells in enumerate(router.seconds(sources, targets))
        ],
        "sources": [{"lat": place.latitude, "lon": place.longitude} for place in sources],
        "targets": [{"lat": place.latitude, "lon": place.longitude} for place in targets],
        "units": "kilometers",
    }


def send_json(handler: BaseHTTPRequestHandler, answer: object, status: int = 200) -> None:
    send(handler, json.dumps(answer).encode(), status)


def send(handler: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    handler.send_response(status)
    handler.send_header("Content-Type", "application/json;charset=utf-8")
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body)
