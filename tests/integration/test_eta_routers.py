"""Routers that answer, and routers that do not: a stand-in that speaks both formats and misbehaves in many ways."""

import logging
import socket
from dataclasses import replace

import numpy as np
import pytest

from adapters.circuit import Circuit
from adapters.eta import create_etas
from adapters.eta_osrm import OsrmApi
from adapters.eta_router import MAX_ANSWER_BYTES, Router, RouterEta
from adapters.eta_valhalla import ValhallaApi
from domain.rides.model import Place
from tests.cities import DEMO_CITY
from tests.fakes import FakeEta
from tests.integration.drivers import SQUARE, Clock, east
from tests.routers import SPEED_MPS, StandInRouter, send, send_json

PATIENT_S = 30.0
ISLAND = Place(61.0, 11.5)
KINDS = {"osrm": OsrmApi, "valhalla": ValhallaApi}


@pytest.fixture
def router():
    with StandInRouter().running() as router:
        yield router


@pytest.fixture(params=KINDS)
def source(request):
    return request.param


@pytest.fixture
def clock():
    return Clock(0.0)


@pytest.fixture
def create(router, source, clock):
    """Return a function that makes a provider, by default one that waits as long as a busy machine takes."""
    made = []

    def create_eta(budget_s=PATIENT_S):
        made.append(Router(KINDS[source](router.url), circuit=Circuit(3, 5.0, clock), budget_s=budget_s))
        return RouterEta(made[-1], FakeEta(source="haversine"))

    yield create_eta
    for each in made:
        each.close()


def hang(router):
    return lambda _: router.released.wait()


def drip(router):
    def misbehave(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", "1000000")
        handler.end_headers()
        while not router.released.wait(0.02):
            handler.wfile.write(b" ")
            handler.wfile.flush()

    return misbehave


def drip_headers(router):
    def misbehave(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\n")
        while not router.released.wait(0.02):
            handler.wfile.write(b"X: y\r\n")
            handler.wfile.flush()

    return misbehave


def hang_up(handler):
    handler.connection.shutdown(socket.SHUT_RDWR)
    handler.close_connection = True


def table_of(rows):
    """Return the answer of either router that has ``rows``."""
    cells = [[{"time": cell} for cell in row] if isinstance(row, list) else row for row in rows]
    return {"code": "Ok", "durations": rows, "sources_to_targets": cells}


NONSENSE = {
    "an error of the server's": lambda handler: send_json(handler, {"code": "Ok"}, 500),
    "a missing page": lambda handler: send(handler, b"<html>no such page</html>", 404),
    "a page that is no JSON": lambda handler: send(handler, b"<html>welcome</html>"),
    "half an answer": lambda handler: send(handler, b'{"code": "Ok", "durations": [[12'),
    "nothing": lambda handler: send(handler, b""),
    "a list": lambda handler: send_json(handler, []),
    "null": lambda handler: send_json(handler, None),
    "no table": lambda handler: send_json(handler, {"code": "Ok"}),
    "a table of null": lambda handler: send(handler, b'{"code":"Ok","durations":null,"sources_to_targets":null}'),
    "too few rows": lambda handler: send_json(handler, table_of([[1.0]])),
    "too many columns": lambda handler: send_json(handler, table_of([[1.0, 2.0], [1.0, 2.0]])),
    "a ragged table": lambda handler: send_json(handler, table_of([[1.0], [1.0, 2.0]])),
    "rows that are no lists": lambda handler: send_json(handler, table_of([1.0, 2.0])),
    "negative times": lambda handler: send_json(handler, table_of([[-1.0], [2.0]])),
    "times that are texts": lambda handler: send_json(handler, table_of([["1"], ["2"]])),
    "times that are true": lambda handler: send_json(handler, table_of([[True], [2.0]])),
    "times that are no numbers": lambda handler: send(handler, b'{"code":"Ok","durations":[[NaN],[1]],'
                                                     b'"sources_to_targets":[[{"time":NaN}],[{"time":1}]]}'),
    "endless times": lambda handler: send_json(handler, table_of([[float("inf")], [1.0]])),
    "another code": lambda handler: send_json(handler, {"code": "NoTable", "durations": [[1], [1]]}),
    "a move elsewhere": lambda handler: send_json(handler, {}, 302),
    "a very long answer": lambda handler: send(handler, b" " * (MAX_ANSWER_BYTES + 1)),
    "a line that is dead": hang_up,
}  # fmt: skip


def test_the_times_are_the_routers_and_so_it_says(create, source):
    etas = create().pairs([east(0), east(0), east(2000), east(2000)], [east(1000), SQUARE, SQUARE, east(1000)])

    assert etas.source == source
    assert etas.seconds == pytest.approx(np.array([50, 0, 100, 50]), abs=0.3)


def test_latitude_and_longitude_are_not_confused(create):
    north = Place(SQUARE.latitude + 0.1, SQUARE.longitude)

    assert create().pairs([SQUARE], [north]).seconds[0] == pytest.approx(11_120 / SPEED_MPS, rel=0.01)


def test_where_no_road_leads_is_infinitely_far(create, source):
    etas = create().pairs([SQUARE, ISLAND], [east(1000)] * 2)

    assert etas.source == source
    assert np.isfinite(etas.seconds[0])
    assert etas.seconds[1] == np.inf


@pytest.mark.parametrize(("starts", "ends"), [(1, 1), (99, 1), (100, 1), (1, 250), (51, 51), (90, 40)])
def test_drives_are_cut_into_tables_of_at_most_100_places(create, router, source, starts, ends):
    drives = [(number % starts, number % ends) for number in range(max(starts, ends))]

    etas = create().pairs([east(10.0 * start) for start, _ in drives], [east(-7.0 * end) for _, end in drives])

    assert etas.source == source
    expected = [(10 * start + 7 * end) / SPEED_MPS for start, end in drives]
    assert etas.seconds == pytest.approx(np.array(expected), rel=0.01, abs=0.2)
    assert all(height + width <= 100 for height, width in router.tables)


def test_pairs_that_share_destinations_share_calls(create, router, source):
    passengers = [east(1000.0 * number) for number in range(4)]
    origins = [east(30.0 * number) for number in range(80)]
    destinations = [passengers[number % 4] for number in range(80)]

    etas = create().pairs(origins, destinations)

    assert etas.source == source
    expected = [abs(30 * number - 1000 * (number % 4)) / SPEED_MPS for number in range(80)]
    assert etas.seconds == pytest.approx(np.array(expected), rel=0.01, abs=0.2)
    assert len(router.tables) == 1


def test_what_would_take_too_many_calls_is_not_asked(create, router):
    origins = [east(float(number)) for number in range(2000)]
    eta = create()

    few = eta.pairs(origins, origins[::-1])
    many = eta.pairs(origins * 21, origins[::-1] * 21)

    assert {few.source, many.source} == {"haversine"}
    assert (few.seconds.shape, many.seconds.shape) == ((2000,), (42_000,))
    assert router.tables == []


@pytest.mark.parametrize("nonsense", NONSENSE)
def test_nonsense_is_answered_by_the_fallback_and_so_it_says(create, router, nonsense):
    router.misbehave = NONSENSE[nonsense]

    etas = create().pairs([SQUARE, east(1000)], [SQUARE] * 2)

    assert etas.source == "haversine"
    assert etas.seconds == pytest.approx(np.array([0, 100]), rel=0.01)
    assert len(router.tables) == 1


@pytest.mark.parametrize("misbehave", [hang, drip, drip_headers])
def test_nobody_waits_longer_than_the_budget(create, router, misbehave):
    router.misbehave = misbehave(router)

    etas = create(budget_s=0.3).pairs([SQUARE, east(1000)], [SQUARE, SQUARE])

    assert etas.source == "haversine"
    assert not router.released.is_set()


def test_one_late_part_makes_all_of_it_the_fallbacks(create, router):
    first = iter([True])

    def hang_once(handler):
        if next(first, False):
            router.released.wait()
        send_json(handler, table_of([[1.0]] * 99))

    router.misbehave = hang_once
    etas = create(budget_s=0.3).pairs([east(10.0 * number) for number in range(198)], [SQUARE] * 198)

    assert etas.source == "haversine"


def test_an_absent_router_is_done_without(source, caplog):
    nowhere = Router(KINDS[source]("http://127.0.0.1:1"))

    with caplog.at_level(logging.WARNING):
        etas = RouterEta(nowhere, FakeEta(source="haversine")).pairs([SQUARE], [SQUARE])

    assert etas.source == "haversine"
    assert f"{source} failed" in caplog.text
    nowhere.close()


def test_after_three_failures_nobody_asks_until_one_may_try_again(create, router, source, clock):
    router.misbehave = NONSENSE["an error of the server's"]
    eta = create()
    failed = [eta.pairs([SQUARE], [SQUARE]).source for _ in range(5)]
    asked = len(router.tables)
    router.misbehave = None

    clock.now_s = 4.9
    while_open = eta.pairs([SQUARE], [SQUARE]).source
    clock.now_s = 5.0
    after = [eta.pairs([SQUARE], [SQUARE]).source for _ in range(2)]

    assert (failed, asked) == (["haversine"] * 5, 3)
    assert (while_open, after) == ("haversine", [source, source])


def test_a_refusal_is_no_failure(create, router, source):
    router.misbehave = lambda handler: send_json(handler, {"code": "NoSegment", "error_code": 171}, 400)
    eta = create()
    refused = [eta.pairs([SQUARE], [SQUARE]).source for _ in range(5)]
    router.misbehave = None

    assert refused == ["haversine"] * 5
    assert eta.pairs([SQUARE], [SQUARE]).source == source


def test_the_cities_of_a_process_find_out_together_that_the_router_is_away(source, router):
    router.misbehave = NONSENSE["an error of the server's"]
    cities = {name: replace(DEMO_CITY, name=name) for name in ("here", "there")}
    etas = create_etas(cities, **{f"{kind}_url": router.url if kind == source else None for kind in KINDS})

    asked = [etas[name].pairs([SQUARE], [SQUARE]).source for name in ("here", "here", "here", "there", "here")]

    assert asked == ["haversine"] * 5
    assert len(router.tables) == 3


def test_each_city_falls_back_to_its_own_estimate_and_has_no_other_without_a_router():
    slow = replace(DEMO_CITY, speeds_km_per_h=(10.0,) * 24)
    cities = {"fast": DEMO_CITY, "slow": slow}
    near_nobody = create_etas(cities, "http://127.0.0.1:1", None)

    for etas in near_nobody, create_etas(cities, None, None):
        times = {name: etas[name].pairs([SQUARE], [east(1000)]) for name in cities}
        assert {each.source for each in times.values()} == {"haversine"}
        assert times["slow"].seconds[0] > times["fast"].seconds[0]
