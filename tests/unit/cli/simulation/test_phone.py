from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from cli.client import ApiClient
from cli.simulate import find_city
from cli.simulation.agenda import Agenda
from cli.simulation.phone import NO_ANSWER, RETRY_PAUSES_S, Answer, Call, Exchange, Phone, persist
from cli.simulation.plans import CityMap
from cli.simulation.report import Result
from cli.simulation.scenario import Scenario, host, populate
from cli.simulation.tally import Outcome, Tally
from cli.simulation.world import World
from cli.stack.servers import free_port
from domain.rides.model import Place
from tests.unit.cli.simulation.fake_city import EPOCH, FakeCity
from tests.unit.cli.simulation.fake_city_server import served
from tests.unit.cli.simulation.test_scenario import SCENARIO
from tests.unit.cli.simulation.virtual import VirtualClock, run_virtually

ORDER = Call(
    "create",
    "POST",
    "/v1/rides",
    {
        "product": "standard",
        "pickup": {"latitude": 48.2, "longitude": 16.3},
        "destination": {"latitude": 48.2, "longitude": 16.4},
    },
    {"Idempotency-Key": "1"},
)


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def exchange(tally: Tally) -> Iterator[Exchange]:
    with served(FakeCity(lambda: 0.0)) as url:
        exchange = Exchange(url, tally)
        yield exchange
        exchange.close()


class ScriptedPhone:
    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)

    def ask(self, _call: Call) -> Answer:
        return self._answers.pop(0)


def test_a_call_carries_key_body_and_headers(exchange: Exchange, tally: Tally) -> None:
    phone = exchange.phone("ada")

    first, again = phone.ask(ORDER), phone.ask(ORDER)
    looked = phone.ask(
        Call("look", "GET", f"/v1/rides/{first.body['id']}", headers={"If-None-Match": first.etag or ""})
    )

    assert (first.status, again.body["id"]) == (201, first.body["id"])
    assert looked.status == 200
    assert looked.etag == 'W/"1.0"'
    assert {name: len(times) for name, times in tally.call_s.items()} == {"create": 2, "look": 1}


def test_what_has_not_changed_comes_without_a_body(exchange: Exchange) -> None:
    phone = exchange.phone("ada")
    path = f"/v1/rides/{phone.ask(ORDER).body['id']}"
    etag = phone.ask(Call("look", "GET", path)).etag

    answer = phone.ask(Call("look", "GET", path, headers={"If-None-Match": str(etag)}))

    assert (answer.status, answer.body) == (304, {})


def test_a_refusal_is_an_answer_and_is_counted_by_its_code(exchange: Exchange, tally: Tally) -> None:
    answer = exchange.phone("bela").ask(Call("look", "GET", "/v1/rides/unknown"))

    assert (answer.status, answer.code) == (404, "not_found")
    assert dict(tally.errors) == {"404 not_found (look)": 1}
    assert tally.failures == 0


@pytest.mark.parametrize("path", ["/hang-up", ""])
def test_silence_is_an_answer_and_a_failure(exchange: Exchange, tally: Tally, path: str) -> None:
    phone = exchange.phone("ada") if path else Exchange(f"http://127.0.0.1:{free_port()}", tally).phone("ada")

    answer = phone.ask(Call("look", "GET", path or "/v1/rides"))

    assert answer.status == NO_ANSWER
    assert answer.is_for_now
    assert tally.failures == 1


def test_a_connection_that_was_closed_while_idle_is_made_anew(exchange: Exchange, tally: Tally) -> None:
    phone = exchange.phone("ada")
    phone.ask(ORDER)

    phone.ask(Call("leave", "GET", "/close-after-this"))

    assert phone.ask(ORDER).status == 201
    assert tally.failures == 0


def test_a_busy_api_is_asked_again_when_it_says_so() -> None:
    phone = ScriptedPhone(Answer(503, retry_after_s=7.0), Answer(NO_ANSWER), Answer(200))

    asking = persist(phone, ORDER)

    assert list(asking) == [7.0, RETRY_PAUSES_S[1]]


def test_a_refusal_is_not_asked_again() -> None:
    assert list(persist(ScriptedPhone(Answer(409)), ORDER)) == []


def test_whoever_gets_no_answer_gives_up_some_time() -> None:
    phone = ScriptedPhone(*[Answer(NO_ANSWER)] * 5)

    assert list(persist(phone, ORDER)) == list(RETRY_PAUSES_S)


def test_the_api_tells_of_the_city() -> None:
    with served(FakeCity(lambda: 0.0)) as url:
        api = ApiClient(url, "ada")
        city = find_city(api, "demo")
        api.close()

    assert city == CityMap("demo", Place(48.2, 16.37), 3000.0, ("standard",))


def carry_out(world: World, scenario: Scenario, phone_of: Callable[[str], Phone]) -> None:
    agenda = Agenda()
    populate(agenda, scenario, world, {owner: phone_of(owner) for owner in scenario.owners()})
    agenda.add(host(agenda, scenario, world, lambda: None), 0)
    run_virtually(agenda, world.clock)


def test_a_simulation_over_http_is_the_one_in_memory() -> None:
    scenario = replace(SCENARIO, drivers=3, minutes=1, speed_up=5)
    near, far = (World(VirtualClock(), EPOCH, scenario.speed_up) for _ in range(2))

    carry_out(near, scenario, FakeCity(near.clock).phone)
    with served(FakeCity(far.clock)) as url:
        exchange = Exchange(url, far.tally)
        carry_out(far, scenario, exchange.phone)
        exchange.close()

    assert far.tally.ended(Outcome.SERVED) > 0
    assert far.tally.outcomes == near.tally.outcomes
    assert far.tally.counts == near.tally.counts
    assert Result(far, []).is_fine
