"""Who goes first: priority, then fairness between owners, within the window, and not while paused."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread

import pytest
from celery import Celery
from sqlalchemy import Engine

from config.celery import celery_settings
from jobs.dispatcher import Dispatcher
from jobs.kinds import KINDS
from jobs.model import Priority
from jobs.queue import BrokerError, Conveyor
from store.jobs import dispatching
from store.jobs.channels import FREED, QUEUED
from store.jobs.dispatching import Window
from store.notifications import Notification
from tests.integration.jobs_world import World


@pytest.fixture
def world(engine: Engine) -> World:
    made = World(engine)
    made.register_worker(slots=4)
    return made


@pytest.fixture
def broken_dispatcher(engine: Engine) -> Iterator[Dispatcher]:
    """A dispatcher that is called step by step, and whose broker is away."""
    dispatcher = Dispatcher(engine, _conveyor("redis://127.0.0.1:1/0"))
    yield dispatcher
    dispatcher._ear.close()


def _flood(world: World, owner: str, jobs: int) -> None:
    world.execute(
        "INSERT INTO jobs (id, kind, queue, owner, state, payload, max_attempts, run_at)"
        " SELECT gen_random_uuid(), 'canaries', 'canaries', %s, 'queued', '{}', 3, now() - interval '1 hour'"
        " FROM generate_series(1, %s)",
        owner, jobs,
    )  # fmt: skip


def _conveyor(redis_url: str) -> Conveyor:
    app = Celery("test", set_as_current=False)
    app.conf.update(celery_settings(redis_url, tuple(KINDS)))
    return Conveyor(app)


def test_one_job_of_another_owner_passes_ten_thousand(world: World) -> None:
    _flood(world, "flood", 10_000)
    single = world.submit(owner="alice")

    first = world.pick(2)

    assert single.id in first


def test_who_has_jobs_in_flight_waits_for_who_has_none(world: World) -> None:
    _flood(world, "flood", 100)
    world.pick(10)
    singles = {world.submit(owner=owner).id for owner in ("alice", "bob")}

    assert set(world.pick(2)) == singles


def test_owners_share_evenly(world: World) -> None:
    for owner in ("a", "b", "c"):
        _flood(world, owner, 100)

    world.pick(30)

    counts = (
        "SELECT count(*) FROM (SELECT 1 FROM jobs WHERE state = 'dispatched' GROUP BY owner HAVING count(*) = 10)"
    )
    assert world.count(f"{counts} AS even") == 3


def test_with_more_owners_than_a_round_looks_at_everybody_gets_a_turn(world: World) -> None:
    owners = 3 * dispatching.OWNERS_PER_ROUND
    for number in range(owners):
        world.submit(owner=f"owner{number:04}")

    last_owner, turns = "", 0
    while turns < 12:
        with world.session() as session:
            pick = dispatching.pick(session, Window("canaries", 1000.0, 16), last_owner)
        last_owner = pick.jobs[-1].owner
        turns += 1

    assert world.count("SELECT count(*) FROM jobs WHERE state = 'dispatched'") == owners


def test_priority_comes_before_fairness_and_age(world: World) -> None:
    world.submit(priority=Priority.BATCH)
    urgent = world.submit(priority=Priority.INTERACTIVE)

    assert world.pick(1) == [urgent.id]


def test_what_is_for_later_is_left_alone(world: World) -> None:
    world.submit(run_at=datetime.now(UTC) + timedelta(hours=1))

    assert world.pick(10) == []


def test_a_paused_queue_gives_nothing_until_it_is_resumed(world: World) -> None:
    job = world.submit()
    with world.session() as session:
        dispatching.set_paused(session, "canaries", is_paused=True)
        assert dispatching.paused_queues(session) == ["canaries"]
        while_paused = world.pick(1)

        dispatching.set_paused(session, "canaries", is_paused=False)

    assert while_paused == []
    assert world.pick(1) == [job.id]


def test_the_window_is_that_of_the_living_workers_slots(world: World) -> None:
    _flood(world, "flood", 100)

    with world.session() as session:
        filled = dispatching.pick(session, Window("canaries", 1.5, 200))
        more = dispatching.pick(session, Window("canaries", 1.5, 200))

    assert (len(filled.jobs), len(more.jobs)) == (6, 0)


def test_a_pick_says_whether_it_had_no_room_for_more(world: World) -> None:
    world.submit()
    with world.session() as session:
        all_of_it = dispatching.pick(session, Window("canaries", 1.5, 200))
        _flood(world, "flood", 100)
        some_of_it = dispatching.pick(session, Window("canaries", 1.5, 200))

    assert (all_of_it.has_left, all_of_it.is_full) == (False, False)
    assert (some_of_it.has_left, some_of_it.is_full) == (True, True)


def test_a_slot_that_became_free_matters_only_while_jobs_wait(world: World, broken_dispatcher: Dispatcher) -> None:
    dispatcher = broken_dispatcher
    dispatcher.dispatch("canaries")
    freed = [Notification(FREED, "canaries")]

    dispatcher._note(freed)
    while_none_waits = dispatcher._take_dirty(is_tick=False)
    _flood(world, "flood", 100)
    with pytest.raises(BrokerError):
        dispatcher.dispatch("canaries")
    dispatcher._note(freed)

    assert while_none_waits == set()
    assert dispatcher._take_dirty(is_tick=False) == {"canaries"}


def test_a_job_that_comes_while_there_is_no_room_waits_for_the_next_slot(
    world: World, broken_dispatcher: Dispatcher
) -> None:
    dispatcher = broken_dispatcher
    _flood(world, "flood", 8 * 4)
    with pytest.raises(BrokerError):
        dispatcher.dispatch("canaries")

    dispatcher._note([Notification(QUEUED, "canaries")])
    while_full = dispatcher._take_dirty(is_tick=False)
    dispatcher._note([Notification(FREED, "canaries")])

    assert while_full == set()
    assert dispatcher._take_dirty(is_tick=False) == {"canaries"}


def test_a_tick_whose_time_comes_while_a_queue_is_served_is_not_lost(world: World, redis_url: str) -> None:
    ticks: list[set[str]] = []
    looked_at: set[str] = set()

    class Slow(Dispatcher):
        def dispatch(self, queue: str) -> int:
            looked_at.add(queue)
            self._tick_at = 0.0  # The time passes while one queue is served.
            return 0

    dispatcher = Slow(world.engine, _conveyor(redis_url), on_tick=lambda: ticks.append(set(looked_at)))
    dispatcher._tick_at = math.inf
    dispatcher._note([Notification(QUEUED, "canaries")])
    dispatcher._step()
    dispatcher._step()
    dispatcher._ear.close()

    assert ticks == [set(KINDS)]


def test_without_workers_nothing_is_dispatched(engine: Engine) -> None:
    world = World(engine)
    world.submit()

    assert world.pick(10) == []


def test_two_dispatchers_never_take_the_same_job(world: World) -> None:
    _flood(world, "flood", 300)
    taken: list[object] = []

    def take() -> None:
        for _ in range(30):
            taken.extend(world.pick(10))

    threads = [Thread(target=take) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(taken) == len(set(taken)) == 300


def test_a_pick_reads_no_more_of_a_long_queue_than_it_takes(world: World) -> None:
    _flood(world, "flood", 20_000)
    statement = dispatching._PICK.sql
    values = {"queue": "'canaries'", "window_per_slot": "8", "max_jobs": "20", "last_owner": "''", "owners": "64"}
    for name, value in values.items():
        statement = statement.replace(f":{name}", value)

    with world.engine.connect() as connection:
        plan = connection.exec_driver_sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}").scalar_one()

    assert max(_actual_rows(plan[0]["Plan"])) < 1000


def _actual_rows(node: dict[str, object]) -> list[float]:
    children = node.get("Plans", [])
    assert isinstance(children, list)
    rows, loops = node["Actual Rows"], node["Actual Loops"]
    assert isinstance(rows, int | float)
    assert isinstance(loops, int | float)
    return [rows * loops, *(row for child in children for row in _actual_rows(child))]


def test_jobs_that_could_not_be_sent_are_queued_again(world: World, broken_dispatcher: Dispatcher) -> None:
    job = world.submit()

    with pytest.raises(BrokerError):
        broken_dispatcher.dispatch("canaries")

    assert world.state(job.id) == "queued"
