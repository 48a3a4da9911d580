"""What every provider of drive times promises, held against each of them; routers are stand-ins on loopback."""

from datetime import UTC, datetime

import numpy as np
import pytest

from adapters.eta_osrm import OsrmApi
from adapters.eta_router import RouterEta
from adapters.eta_valhalla import ValhallaApi
from domain.rides.eta import HaversineEta
from domain.rides.model import Place
from tests.cities import DEMO_CITY
from tests.fakes import FakeEta
from tests.integration.drivers import SQUARE, east
from tests.routers import StandInRouter

# The budget is another test's; a busy machine may take its time here.
PATIENT_S = 30.0


@pytest.fixture(params=["fake", "haversine", "osrm", "valhalla"])
def provider(request):
    if request.param == "fake":
        yield FakeEta(source="fake")
    elif request.param == "haversine":
        yield HaversineEta(DEMO_CITY, lambda: datetime(2026, 1, 5, 12, tzinfo=UTC))
    else:
        with StandInRouter().running() as router:
            kind = OsrmApi if request.param == "osrm" else ValhallaApi
            eta = RouterEta(kind(router.url), FakeEta(source="fallback"), budget_s=PATIENT_S)
            yield eta
            eta.close()


def test_a_table_has_a_row_for_each_origin_and_a_column_for_each_destination(provider):
    etas = provider.table([east(0), east(1000), east(4000)], [east(0), east(500)])

    assert etas.seconds.shape == (3, 2)
    assert etas.seconds[0, 0] < etas.seconds[0, 1]
    assert etas.seconds[:, 0].tolist() == sorted(set(etas.seconds[:, 0]))


def test_pairs_are_the_diagonal_of_the_table(provider):
    origins = [east(metres) for metres in (0, 1000, 300, 1000)]
    destinations = [east(metres) for metres in (700, 700, -200, 5000)]

    seconds = provider.pairs(origins, destinations).seconds

    assert seconds.shape == (4,)
    assert seconds == pytest.approx(np.diagonal(provider.table(origins, destinations).seconds))


def test_a_table_of_many_places_is_the_same_as_its_parts(provider):
    origins = [east(37.0 * number) for number in range(130)]
    destinations = [Place(SQUARE.latitude + number / 1000, SQUARE.longitude) for number in range(60)]

    whole = provider.table(origins, destinations)

    assert whole.seconds[:2, :2] == pytest.approx(provider.table(origins[:2], destinations[:2]).seconds)
    assert whole.seconds[-2:, -2:] == pytest.approx(provider.table(origins[-2:], destinations[-2:]).seconds)
    assert whole.source == provider.table(origins[:1], destinations[:1]).source != "fallback"


def test_nothing_asked_is_nothing_answered(provider):
    assert provider.table([], [SQUARE]).seconds.shape == (0, 1)
    assert provider.table([SQUARE], []).seconds.shape == (1, 0)
    assert provider.pairs([], []).seconds.shape == (0,)
