"""Metrics of rides say what passengers, drivers and ticks did, as one scrape of the API shows it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import Engine
from uuid_utils.compat import uuid7

from store.db import sessions
from tests.integration.rides_world import CITY, RidesWorld
from web.metrics import Metrics

TICK = {"searches": 3, "offers": 2, "expired": 1, "given_up": 1, "unserved": 1, "greedy_rides": 0, "solver_s": 0.25}


class Scraped:
    """A world, and what is shown of it."""

    def __init__(self, engine: Engine) -> None:
        self.world = RidesWorld(engine)
        self._engine = engine

    def values(self) -> dict[str, float]:
        """Ask a process that has not asked before; by name, and the labels' values after a space each."""
        text = Metrics(sessions(self._engine), None).render().decode()
        return {
            " ".join([sample.name, *sample.labels.values()]): sample.value
            for family in text_string_to_metric_families(text)
            for sample in family.samples
        }

    def job_ended(self, payload: Mapping[str, object], result: Mapping[str, object], ago_s: float = 1) -> None:
        self.world.execute(
            "INSERT INTO jobs (id, kind, queue, owner, payload, max_attempts, state, result, finished_at)"
            " VALUES (%s, 'ride_matches', 'ride_matches', 'system', %s, 3, 'succeeded', %s,"
            " now() - make_interval(secs => %s))",
            uuid7(),
            json.dumps(payload),
            json.dumps(result),
            ago_s,
        )

    def ticked(self, result: Mapping[str, object], ago_s: float = 1) -> None:
        self.job_ended({"do": "tick", "city": CITY}, result, ago_s)

    def healed(self, violations: int, ago_s: float, findable: int = 0) -> None:
        result = {"findable_drivers": {CITY: findable}, "restarted": [], "violations": violations}
        self.job_ended({"do": "heal"}, result, ago_s)


@pytest.fixture
def scraped(engine: Engine) -> Iterator[Scraped]:
    built = Scraped(engine)
    yield built
    built.world.assert_sound()


def test_active_rides_open_searches_and_available_drivers_are_counted(scraped: Scraped) -> None:
    world = scraped.world
    world.started()
    waiting = world.created()
    world.offer(world.created(), world.driver())
    world.cancel(world.created())
    world.execute("UPDATE rides SET created_at = now() - interval '100 seconds' WHERE id = %s", waiting.id)

    values = scraped.values()

    assert (values["rides created"], values["rides started"]) == (2, 1)
    assert "rides cancelled" not in values
    assert 100 <= values["rides_oldest_age_seconds created"] < 160
    assert values["rides_oldest_age_seconds started"] < 60
    assert (values[f"ride_searches {CITY} searching"], values[f"ride_searches {CITY} offered"]) == (1, 1)
    assert values[f"drivers_available {CITY}"] == 2


def test_the_ticks_of_the_last_minute_are_added_up(scraped: Scraped) -> None:
    scraped.ticked(TICK)
    scraped.ticked(TICK | {"unserved": 4, "solver_s": 0.5, "greedy_rides": 7})
    scraped.ticked({"expired": 0, "given_up": 2})
    scraped.ticked({"searches": 9, "offers": 0, "index": "away", "expired": 0, "given_up": 0})
    scraped.ticked({"skipped": "another tick of the city is at work"})
    scraped.ticked(TICK, ago_s=61)

    values = scraped.values()

    assert values[f"ride_ticks_last_minute {CITY}"] == 4
    assert values[f"ride_ticks_index_away_last_minute {CITY}"] == 1
    assert values[f"ride_offers_sent_last_minute {CITY}"] == 4
    assert values[f"ride_searches_given_up_last_minute {CITY}"] == 4
    assert values[f"ride_searches_greedy_last_minute {CITY}"] == 7
    assert values[f"ride_searches_unserved_max {CITY}"] == 4
    assert values[f"ride_solver_seconds_max {CITY}"] == 0.5


def test_what_became_of_offers_within_the_last_minute_is_counted(scraped: Scraped) -> None:
    world = scraped.world
    world.matched()
    world.decline(world.offer(world.created(), world.driver()))
    world.cancel(world.find(world.offer(world.created(), world.driver()).ride_id))
    world.matched()
    world.execute(
        "UPDATE offers SET resolved_at = now() - interval '61 seconds' WHERE ride_id ="
        " (SELECT max(id::text)::uuid FROM rides WHERE status = 'matched')"
    )

    values = scraped.values()

    statuses = ("accepted", "declined", "withdrawn", "expired")
    assert [values[f"ride_offers_resolved_last_minute {status}"] for status in statuses] == [1, 1, 1, 0]


def test_times_count_from_the_begin_of_the_search(scraped: Scraped) -> None:
    world = scraped.world
    ride = world.created()
    world.execute("UPDATE rides SET search_started_at = now() - interval '40 seconds' WHERE id = %s", ride.id)
    world.decline(world.offer(ride, world.driver()))
    world.execute("UPDATE rides SET search_started_at = search_started_at - interval '60 seconds'")
    world.accept(world.offer(world.get(ride), world.driver()))

    values = scraped.values()

    # The second offer, which is another driver's, is not the search's first.
    assert 100 <= values["ride_first_offer_seconds_p50"] < 110
    assert values["ride_first_offer_seconds_p50"] == values["ride_first_offer_seconds_p95"]
    assert 100 <= values["ride_match_seconds_p95"] < 110


def test_the_pickup_is_compared_with_what_the_accepted_offer_said(scraped: Scraped) -> None:
    world = scraped.world
    ride, offer = world.matched()
    world.arrive(ride, offer.driver_id)
    world.execute("UPDATE rides SET matched_at = arrived_at - interval '150 seconds'")
    world.execute("UPDATE offers SET pickup_eta_s = 120")

    values = scraped.values()
    world.execute("UPDATE rides SET arrived_at = now() - interval '61 seconds'")
    later = scraped.values()

    assert values["ride_pickup_eta_error_seconds_p50"] == pytest.approx(30)
    assert values["ride_pickup_eta_error_seconds_p95"] == pytest.approx(30)
    assert "ride_pickup_eta_error_seconds_p50" not in later


def test_where_nothing_happened_no_time_is_shown(scraped: Scraped) -> None:
    names = scraped.values()

    assert not [name for name in names if name.startswith(("ride_first_offer", "ride_match_", "ride_pickup"))]
    assert names["database_up"] == 1


def test_the_last_look_for_broken_rules_is_shown_with_its_age(scraped: Scraped) -> None:
    scraped.healed(violations=3, ago_s=200)
    scraped.healed(violations=2, ago_s=100)
    scraped.ticked(TICK)

    values = scraped.values()

    assert values["ride_violations"] == 2
    assert 100 <= values["ride_violations_age_seconds"] < 160


def test_how_many_drivers_could_be_asked_is_shown_while_it_is_news(scraped: Scraped) -> None:
    scraped.healed(violations=0, ago_s=181, findable=9)
    old = scraped.values()
    scraped.healed(violations=0, ago_s=100, findable=8)
    scraped.healed(violations=0, ago_s=40, findable=7)

    assert f"drivers_findable {CITY}" not in old
    assert scraped.values()[f"drivers_findable {CITY}"] == 7


def test_where_nobody_has_looked_for_an_hour_the_age_says_so(scraped: Scraped) -> None:
    scraped.healed(violations=2, ago_s=3700)

    values = scraped.values()

    assert "ride_violations" not in values
    assert values["ride_violations_age_seconds"] == 3600


def test_deadlocks_of_the_database_are_shown(scraped: Scraped) -> None:
    assert scraped.values()["database_deadlocks_total"] == 0
