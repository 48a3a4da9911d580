"""What every provider of drive times promises, held against each of them; routers are stand-ins on loopback."""

from datetime import UTC, datetime

import pytest

from adapters.eta_osrm import OsrmApi
from adapters.eta_router import Router, RouterEta
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
            asked = Router(kind(router.url), budget_s=PATIENT_S)
            yield RouterEta(asked, FakeEta(source="fallback"))
            asked.close()


def test_each_pair_has_its_time(provider):
    origins = [east(metres) for metres in (0, 1000, 4000, 1000, 0)]
    destinations = [SQUARE, SQUARE, SQUARE, east(1500), east(-200)]

    seconds = provider.pairs(origins, destinations).seconds

    assert seconds.shape == (5,)
    assert seconds[:3].tolist() == sorted(set(seconds[:3]))
    assert seconds[0] < seconds[4] < seconds[3] < seconds[1]


def test_many_pairs_are_the_same_as_their_parts(provider):
    origins = [east(37.0 * number) for number in range(260)]
    destinations = [Place(SQUARE.latitude + number % 60 / 1000, SQUARE.longitude) for number in range(260)]

    whole = provider.pairs(origins, destinations)

    for part in (slice(2), slice(100, 150), slice(258, 260)):
        assert whole.seconds[part] == pytest.approx(provider.pairs(origins[part], destinations[part]).seconds)
    assert whole.source == provider.pairs(origins[:1], destinations[:1]).source != "fallback"


def test_nothing_asked_is_nothing_answered(provider):
    assert provider.pairs([], []).seconds.shape == (0,)
