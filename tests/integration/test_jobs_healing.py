"""What was lost is found: leases, messages, deadlines, workers, old rows, and the fires of schedules."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from jobs import retention, schedules
from jobs.kinds import KINDS, MAX_CRASHES
from jobs.model import NewJob
from jobs.queue import Conveyor
from jobs.submit import Idempotency, submit, submit_batch
from jobs.sweeper import AWAY_S, Sweeper, Swept
from store.jobs import reads, transitions
from store.schedules import Schedule
from tests.integration.jobs_world import World, create_celery, create_sweeper

MINUTELY = Schedule("minutely", "canaries", "system", timedelta(minutes=1), {})


@pytest.fixture
def world(engine: Engine) -> World:
    return World(engine)


@pytest.fixture
def sweeper(engine: Engine, redis_url: str) -> Sweeper:
    made = create_sweeper(engine, redis_url)
    made.sweep()
    return made


def _end_lease(world: World) -> None:
    world.execute("UPDATE jobs SET lease_until = now() - interval '1 s' WHERE lease_until IS NOT NULL")


def test_leases_that_ran_out_while_the_database_was_away_may_be_renewed_first(
    world: World, engine: Engine, redis_url: str
) -> None:
    # Between the question and the answer of the first sweep lies the time for which the database was frozen.
    times = iter([0.0, AWAY_S + 1, 10.0, 10.0, 60.0, 60.0])
    sweeper = Sweeper(engine, Conveyor(create_celery(redis_url)), clock=lambda: next(times))
    world.claim(world.submit().id)
    _end_lease(world)

    rescued = [sweeper.sweep().rescued for _ in range(3)]

    assert rescued == [0, 0, 1]


def test_a_job_whose_lease_ran_out_is_queued_again_and_its_crash_counted(world: World, sweeper: Sweeper) -> None:
    job = world.submit()
    holder = world.claim(job.id)
    _end_lease(world)

    swept = sweeper.sweep()

    rescued = world.get(job.id)
    assert swept == Swept(rescued=1)
    assert (rescued.state, rescued.crashes, rescued.epoch) == ("queued", 1, holder.epoch + 1)


def test_a_job_whose_lease_holds_is_left_alone_however_old_it_is(world: World, sweeper: Sweeper) -> None:
    job = world.submit()
    world.claim(job.id)
    world.execute("UPDATE jobs SET created_at = now() - interval '9 d', started_at = now() - interval '9 d'")

    assert sweeper.sweep() == Swept()
    assert world.state(job.id) == "running"


def test_a_poison_job_fails_after_its_last_crash(world: World, sweeper: Sweeper) -> None:
    job = world.submit()

    for _ in range(MAX_CRASHES):
        world.claim(job.id)
        _end_lease(world)
        sweeper.sweep()
        sweeper.sweep()

    condemned = world.get(job.id)
    assert (condemned.state, condemned.crashes) == ("failed", MAX_CRASHES)
    assert condemned.error is not None
    assert condemned.error["type"] == "crashed"


def test_jobs_that_lost_two_workers_run_one_at_a_time(world: World, sweeper: Sweeper) -> None:
    suspects = [world.submit() for _ in range(3)]
    fresh = world.submit()
    world.execute("UPDATE jobs SET crashes = 1 WHERE id <> %s", fresh.id)
    for job in (*suspects, fresh):
        world.claim(job.id)
    _end_lease(world)
    world.register_worker()
    sweeper.sweep()

    together = []
    for _ in suspects:
        sweeper.sweep()
        picked = world.pick(10)
        together.append(len(set(picked) & {job.id for job in suspects}))
        for job_id in picked:
            with world.session() as session:
                transitions.succeed(session, world.claim(job_id), {})

    assert together == [1, 1, 1]
    assert {world.state(job.id) for job in (*suspects, fresh)} == {"succeeded"}


def test_a_poison_child_counts_for_its_batch(world: World, sweeper: Sweeper) -> None:
    with world.session() as session:
        batch = submit_batch(session, [NewJob("canaries", "alice", {})]).job
        (child,) = reads.child_states(session, batch.id)

    for _ in range(MAX_CRASHES):
        sweeper.sweep()
        world.claim(child)
        _end_lease(world)
        sweeper.sweep()

    assert world.state(batch.id) == "succeeded"


def test_a_message_that_nobody_claims_is_sent_again_each_time_later(world: World, sweeper: Sweeper) -> None:
    world.register_worker()
    job = world.submit()
    waited_s = []

    for wait_s in (31, 31, 61):
        if world.state(job.id) == "queued":
            world.pick(1)
        world.execute("UPDATE jobs SET dispatched_at = now() - make_interval(secs => %s)", wait_s)
        if sweeper.sweep().redispatched:
            waited_s.append(wait_s)

    assert waited_s == [31, 61]


def test_the_messages_of_a_silent_workers_queues_are_sent_again(world: World, sweeper: Sweeper) -> None:
    world.register_worker()
    job = world.submit()
    world.pick(1)
    world.execute("UPDATE workers SET seen_at = now() - interval '1 h'")

    swept = sweeper.sweep()

    assert swept.lost_queues == 1
    assert world.state(job.id) == "queued"
    assert world.count("SELECT count(*) FROM workers") == 0


@pytest.mark.parametrize("state", ["queued", "dispatched"])
def test_a_job_whose_deadline_passed_while_it_waited_expires(world: World, sweeper: Sweeper, state: str) -> None:
    job = world.in_state(state)
    world.execute("UPDATE jobs SET deadline = now() - interval '1 s'")

    sweeper.sweep()

    assert world.state(job.id) == "expired"


def test_a_running_job_outlives_its_deadline(world: World, sweeper: Sweeper) -> None:
    job = world.in_state("running")
    world.execute("UPDATE jobs SET deadline = now() - interval '1 s'")

    sweeper.sweep()

    assert world.state(job.id) == "running"


def test_a_job_past_its_deadline_is_not_claimed(world: World) -> None:
    job = world.submit(deadline=datetime.now(UTC) - timedelta(seconds=1))

    with world.session() as session:
        claimed = transitions.claim(session, job.id, world.worker, 30)

    assert claimed is None


def test_racing_sweepers_rescue_each_job_once(world: World, engine: Engine, redis_url: str) -> None:
    jobs = [world.submit() for _ in range(50)]
    for job in jobs:
        world.claim(job.id)
    _end_lease(world)
    sweepers = [create_sweeper(engine, redis_url) for _ in range(2)]

    with ThreadPoolExecutor(2) as pool:
        swept = list(pool.map(Sweeper.sweep, sweepers))

    assert sum(one.rescued for one in swept) == 50
    assert {world.get(job.id).crashes for job in jobs} == {1}


def test_finished_jobs_are_forgotten_with_their_events_and_keys(world: World, engine: Engine) -> None:
    with world.session() as session:
        old = submit(session, NewJob("canaries", "alice", {}), Idempotency("key", b"1")).job
        transitions.succeed(session, world.claim(old.id), {})
    fresh, waiting = world.in_state("succeeded"), world.submit()
    world.execute("UPDATE jobs SET finished_at = now() - interval '30 d' WHERE id = %s", old.id)

    pruned = retention.prune(engine)

    assert pruned == 1
    assert world.count("SELECT count(*) FROM jobs") == 2
    assert world.count("SELECT count(*) FROM idempotency_keys") == 0
    assert world.state(fresh.id) == "succeeded"
    assert world.events(waiting.id) == ["submitted"]
    assert world.events(old.id) == []


def test_each_kind_keeps_its_jobs_for_its_own_time(world: World, engine: Engine) -> None:
    world.in_state("succeeded")
    world.execute("UPDATE jobs SET finished_at = now() - interval '2 h'")

    kept = retention.prune(engine, {"canaries": replace(KINDS["canaries"], keep_s=3 * 3600)})
    gone = retention.prune(engine, {"canaries": replace(KINDS["canaries"], keep_s=3600)})

    assert (kept, gone) == (0, 1)


def test_a_batch_is_forgotten_with_its_children(world: World, engine: Engine) -> None:
    with world.session() as session:
        batch = submit_batch(session, [NewJob("canaries", "alice", {})] * 3).job
        for child in reads.child_states(session, batch.id):
            transitions.succeed(session, world.claim(child), {})
    world.execute("UPDATE jobs SET finished_at = now() - interval '30 d'")

    retention.prune(engine)

    assert world.count("SELECT count(*) FROM jobs") == 0


@pytest.mark.parametrize(("catchup", "fires"), [("all", 4), ("latest", 1)])
def test_three_clocks_that_tick_at_once_fire_each_schedule_once(
    world: World, engine: Engine, catchup: str, fires: int
) -> None:
    schedules.install(engine, [replace(MINUTELY, catchup=catchup)])
    world.execute("UPDATE schedules SET next_at = now() - interval '3 minutes 30 seconds'")

    with ThreadPoolExecutor(3) as pool:
        fired = list(pool.map(lambda _: schedules.tick(engine), range(9)))

    assert sum(fired) == fires
    assert world.count("SELECT count(*) FROM jobs") == fires
    assert world.count("SELECT count(*) FROM schedules WHERE next_at > now()") == 1


def test_a_fire_that_was_written_already_is_not_written_again(world: World, engine: Engine) -> None:
    schedules.install(engine, [MINUTELY])
    schedules.tick(engine)
    world.execute("UPDATE schedules SET next_at = next_at - every")

    assert schedules.tick(engine) == 0
    assert world.count("SELECT count(*) FROM jobs") == 1


def test_installing_schedules_again_keeps_their_next_fire(world: World, engine: Engine) -> None:
    schedules.install(engine, [MINUTELY])
    schedules.tick(engine)

    schedules.install(engine, [MINUTELY])

    assert schedules.tick(engine) == 0
