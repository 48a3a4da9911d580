"""A tick finds the open searches, the drivers around them and the best offers; on the real database and index."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import redis
from sqlalchemy import Engine

from adapters.driver_index.index import RedisDriverIndex, create_index_client
from domain.rides.eta import HaversineEta
from domain.rides.model import DriverStatus, Fix, OfferStatus, Place, SearchStatus
from domain.rides.ports import AvailableDriver, DriverFix, Etas, NearestQuery
from jobs.kinds import KINDS
from jobs.model import NewJob, TransientJobError
from jobs.submit import submit
from store.rides import ticks
from tests.cities import DEMO_CITY
from tests.integration.jobs_world import World, running_lifecycle
from tests.integration.ride_town import Town
from tests.integration.rides_world import CITY, HOME, PRODUCT, wanted
from workers.tasks.ride_matches import CityTools

NOBODY_LISTENS = "redis://127.0.0.1:1/0"


@pytest.fixture
def town(engine: Engine, redis_url: str) -> Iterator[Town]:
    built = Town(engine, redis_url)
    yield built
    built.world.assert_sound()


def test_a_ride_is_offered_to_the_nearest_driver(town: Town) -> None:
    far, near = town.driver(900), town.driver(300)
    ride = town.world.created()

    outcome = town.tick()

    offer = town.offer_of(ride)
    assert offer is not None
    assert (offer.driver_id, offer.status, offer.eta_source) == (near, OfferStatus.PENDING, "haversine")
    assert 45 < offer.pickup_eta_s < 300
    assert town.world.get(ride).search_status is SearchStatus.OFFERED
    assert (outcome.result["searches"], outcome.result["offers"]) == (1, 1)
    assert town.world.pending(far) is None


def test_two_rides_share_two_drivers_at_the_least_sum(town: Town) -> None:
    # First come, first served would give the first ride the driver between, and the second one the driver far off.
    between, left = town.driver(200), town.driver(-700)
    first = town.world.created()
    second = town.world.created()
    town.world.execute(
        "UPDATE rides SET pickup_longitude = %s WHERE id = %s", HOME.longitude + 900 / 67_700, second.id
    )

    town.tick()

    offers = [town.offer_of(ride) for ride in (first, second)]
    assert [offer and offer.driver_id for offer in offers] == [left, between]


def test_nobody_is_asked_who_is_away_busy_stale_or_of_another_product(town: Town) -> None:
    town.driver(10, DriverStatus.UNAVAILABLE)
    busy = town.driver(20)
    ride, _ = town.world.matched(busy)
    town.world.execute("UPDATE ride_ticks SET lease_id = NULL, lease_until = NULL")
    other = town.driver(30)
    town.world.register(other, product="van")
    stale = town.driver(40)
    old = Fix(HOME, datetime.now(UTC) - timedelta(seconds=61))
    town.index._client.flushdb()
    town.index.set_available(CITY, AvailableDriver(stale, PRODUCT))
    town.index.push(CITY, [DriverFix(stale, old)])
    for each in (busy, other):
        town.index.set_available(CITY, AvailableDriver(each, PRODUCT))
        town.index.push(CITY, [DriverFix(each, Fix(HOME, datetime.now(UTC)))])

    wish = town.world.created()
    outcome = town.tick()

    assert town.offer_of(wish) is None
    assert outcome.result["offers"] == 0
    assert town.world.get(ride).driver_id == busy


def test_who_declines_is_not_asked_again_in_this_search(town: Town) -> None:
    near, far = town.driver(100), town.driver(500)
    ride = town.world.created()
    town.tick()
    offer = town.offer_of(ride)
    assert offer is not None
    assert offer.driver_id == near

    town.world.decline(offer)
    town.tick()

    again = town.offer_of(ride)
    assert again is not None
    assert again.driver_id == far


def test_an_offer_that_nobody_answers_goes_to_the_next_driver(town: Town) -> None:
    town.driver(100)
    far = town.driver(500)
    ride = town.world.created()
    town.tick()
    offer = town.offer_of(ride)
    assert offer is not None

    town.world.overdue(offer)
    outcome = town.tick()

    again = town.offer_of(ride)
    assert again is not None
    assert (again.driver_id, outcome.result["expired"]) == (far, 1)


def test_a_search_that_takes_too_long_is_given_up(town: Town) -> None:
    ride = town.world.created()
    town.world.execute("UPDATE rides SET search_deadline = clock_timestamp() WHERE id = %s", ride.id)

    outcome = town.tick()

    assert outcome.result["given_up"] == 1
    assert town.world.get(ride).search_status is SearchStatus.NO_DRIVERS_AVAILABLE
    assert town.tick_job() is None


def test_ticks_go_on_while_a_search_is_open_and_end_with_it(town: Town) -> None:
    ride = town.world.created()
    jobs = [town.tick_job()]

    for _ in range(3):
        town.tick()
        jobs.append(town.tick_job())
    town.world.cancel(ride)
    town.tick()

    assert None not in jobs
    assert len(set(jobs)) == 4
    assert town.tick_job() is None


def test_a_tick_beside_another_does_nothing_but_see_to_the_next(town: Town) -> None:
    town.driver(100)
    ride = town.world.created()
    lease_id = town.world.lease()
    before = town.tick_job()

    outcome = town.tick()

    assert "skipped" in outcome.result
    assert town.offer_of(ride) is None
    assert town.tick_job() not in (None, before)
    assert town.world.value("SELECT lease_id FROM ride_ticks WHERE city = %s", CITY) == lease_id


def test_a_tick_that_was_rescued_does_not_start_a_second_chain(town: Town) -> None:
    town.world.created()
    rescued = town.matcher.tick(CITY)
    town.world.execute("UPDATE jobs SET state = 'succeeded', finished_at = now() WHERE kind = 'ride_matches'")
    town.world.run(lambda session: ticks.ensure_tick(session, CITY))
    other = town.tick_job()

    town.world.run(rescued.effects[0])

    assert town.tick_job() == other
    assert town.world.value("SELECT count(*) FROM jobs WHERE finished_at IS NULL") == 1


def test_a_tick_that_fails_lets_the_next_attempt_begin_at_once(town: Town) -> None:
    class BrokenEta(HaversineEta):
        def pairs(self, origins: Sequence[Place], destinations: Sequence[Place]) -> Etas:
            raise RuntimeError("broken")

    town.driver(100)
    ride = town.world.created()
    broken = replace(town.matcher, cities={CITY: CityTools(DEMO_CITY, BrokenEta(DEMO_CITY))})

    with pytest.raises(RuntimeError):
        broken.tick(CITY)
    town.tick()

    assert town.offer_of(ride) is not None


def test_without_the_index_searches_stay_open_and_the_next_tick_comes(town: Town) -> None:
    town.driver(100)
    ride = town.world.created()
    there = town.matcher
    town.matcher = replace(there, index=RedisDriverIndex(create_index_client(NOBODY_LISTENS)))

    outcome = town.tick()

    assert (outcome.result["offers"], outcome.result["index"]) == (0, "away")
    assert town.tick_job() is not None
    town.matcher = there
    town.tick()
    assert town.offer_of(ride) is not None


def test_healing_makes_a_flushed_index_again(town: Town) -> None:
    driver_id = town.driver(100)
    ride = town.world.created()
    redis_client: redis.Redis = town.index._client
    redis_client.flushall()
    town.tick()
    assert town.offer_of(ride) is None

    outcome = town.matcher.heal()
    town.index.push(CITY, [DriverFix(driver_id, Fix(HOME, datetime.now(UTC)))])
    found_again = town.matcher.heal()
    town.tick()

    assert (outcome.result["available_drivers"], outcome.result["findable_drivers"]) == (1, {CITY: 0})
    assert found_again.result["findable_drivers"] == {CITY: 1}
    offer = town.offer_of(ride)
    assert offer is not None
    assert offer.driver_id == driver_id


def test_healing_starts_the_tick_of_a_city_whose_own_failed_for_good(town: Town) -> None:
    town.world.created()
    town.world.execute("UPDATE jobs SET state = 'failed', finished_at = now()")

    outcome = town.matcher.heal()

    assert outcome.result["restarted"] == [CITY]
    assert town.world.value("SELECT count(*) FROM jobs WHERE state = 'queued'") == 1


def test_healing_without_the_index_sees_to_the_ticks_and_is_tried_again(town: Town) -> None:
    town.world.created()
    town.world.execute("UPDATE jobs SET state = 'failed', finished_at = now()")
    matcher = replace(town.matcher, index=RedisDriverIndex(create_index_client(NOBODY_LISTENS)))

    with pytest.raises(TransientJobError):
        matcher.heal()

    assert town.world.value("SELECT count(*) FROM jobs WHERE state = 'queued'") == 1


def test_healing_tells_the_log_and_the_metrics_of_broken_rules(town: Town, caplog: pytest.LogCaptureFixture) -> None:
    ride, _ = town.world.matched()
    town.world.execute("UPDATE drivers SET status = 'unavailable'")

    broken = town.matcher.heal()
    town.world.execute("UPDATE drivers SET status = 'available'")
    mended = town.matcher.heal()

    errors = [record.getMessage() for record in caplog.records if record.levelname == "ERROR"]
    assert errors == [f"a rule about rides is broken: an unavailable driver is on a ride: {ride.id}"]
    assert (broken.result["violations"], mended.result["violations"]) == (1, 0)


def test_a_worker_takes_a_tick_through_its_life(town: Town) -> None:
    town.driver(100)
    ride, jobs = town.world.created(), World(town.world.engine)
    job_id = town.tick_job()
    assert job_id is not None

    with running_lifecycle(jobs, town.matcher, KINDS["ride_matches"]) as lifecycle:
        lifecycle.run("ride_matches", job_id)

    assert town.offer_of(ride) is not None
    assert jobs.state(job_id) == "succeeded"
    assert town.tick_job() not in (None, job_id)


@pytest.mark.parametrize("payload", [{}, {"do": "nothing"}, {"do": "tick"}, {"do": "tick", "city": 1}])
def test_a_job_that_asks_for_nothing_known_fails_for_good(town: Town, payload: dict[str, object]) -> None:
    jobs = World(town.world.engine)
    with jobs.session() as session:
        job_id = submit(session, NewJob("ride_matches", "system", payload)).job.id

    with running_lifecycle(jobs, town.matcher, KINDS["ride_matches"]) as lifecycle:
        lifecycle.run("ride_matches", job_id)

    assert (jobs.state(job_id), jobs.get(job_id).attempt) == ("failed", 1)


def test_a_driver_of_whose_ride_the_index_was_never_told_is_asked_for_no_other(town: Town) -> None:
    # As when an API process is killed between its commit and its word to Redis.
    driver_id = town.driver(100)
    ride = town.world.created()
    town.tick()
    offer = town.offer_of(ride)
    assert offer is not None
    town.world.accept(offer)
    another = town.world.created()
    assert town.index.nearest(CITY, [NearestQuery(PRODUCT, HOME, 1)])[0][0][0] == driver_id

    town.tick()
    town.matcher.heal()

    assert town.offer_of(another) is None
    assert town.index.nearest(CITY, [NearestQuery(PRODUCT, HOME, 1)]) == [[]]


def test_nobody_is_asked_to_drive_their_own_ride(town: Town) -> None:
    driver_id = town.driver(100)
    own = town.world.created(driver_id)

    town.tick()
    forced = town.world.write_offers(town.world.lease(), [wanted(own, driver_id)])

    assert town.offer_of(own) is None
    assert forced == []


def test_in_a_city_that_is_not_served_any_more_searches_are_given_up(town: Town) -> None:
    ride = town.world.created()
    town.matcher = replace(town.matcher, cities={})
    town.tick()
    assert town.world.get(ride).search_status is SearchStatus.SEARCHING

    town.world.execute("UPDATE rides SET search_deadline = now()")
    town.tick()

    assert town.world.get(ride).search_status is SearchStatus.NO_DRIVERS_AVAILABLE
    assert town.tick_job() is None
