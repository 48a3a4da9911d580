"""A broker that is emptied, started anew or frozen: no job waits for it longer than for a sweep."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import redis
from sqlalchemy import Engine, text

from cli.stack.servers import ValkeyServer
from config.settings import REPOSITORY
from jobs.queue import IMPATIENT, Conveyor
from jobs.sweeper import Sweeper, Swept
from store.db import transactions
from store.jobs import sweeping
from tests.integration.jobs_world import World, create_celery, create_sweeper

SWEEP = """
import sys
from store.db import create_engine
from tests.integration.jobs_world import create_sweeper
create_sweeper(create_engine(sys.argv[1], 1, "test"), sys.argv[2]).sweep()
"""


@pytest.fixture
def world(engine: Engine) -> World:
    made = World(engine)
    made.register_worker()
    return made


@pytest.fixture
def sweeper(engine: Engine, redis_url: str) -> Sweeper:
    made = create_sweeper(engine, redis_url)
    made.sweep()
    return made


def _empty_broker(redis_url: str) -> None:
    with redis.Redis.from_url(redis_url) as client:
        client.flushall()


@contextmanager
def _blocked_sweeps(world: World) -> Iterator[Callable[[], None]]:
    """No sweep comes further than its question to the broker; the callable waits until one has come that far."""
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'jobs'::regclass"
    with transactions(world.engine).begin() as session:
        session.execute(text("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE"))
        yield lambda: _wait_until(lambda: world.count(waiting) > 0)


def _wait_until(is_so: Callable[[], bool], timeout_s: float = 30) -> None:
    give_up_at = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up_at, "it did not come to pass"
        time.sleep(0.02)


def test_being_emptied_begins_another_life_of_the_broker(redis_url: str) -> None:
    conveyor, other = Conveyor(create_celery(redis_url)), Conveyor(create_celery(redis_url))
    lives = [conveyor.life(), other.life()]
    _empty_broker(redis_url)
    lives += [conveyor.life(), other.life()]
    conveyor.close()
    other.close()

    assert lives[0] == lives[1]
    assert lives[2] == lives[3] != lives[0]


def test_being_started_anew_begins_another_life_of_the_broker(redis_url: str, valkey: ValkeyServer) -> None:
    conveyor = Conveyor(create_celery(redis_url))
    first = conveyor.life()
    conveyor.close()
    valkey.restart()
    later = conveyor.life()
    conveyor.close()

    assert later != first


def test_all_messages_are_sent_again_when_the_broker_was_emptied(
    world: World, sweeper: Sweeper, redis_url: str
) -> None:
    job = world.submit()
    world.pick(1)
    _empty_broker(redis_url)

    swept = sweeper.sweep()

    assert swept.redispatched == 1
    assert world.state(job.id) == "queued"


def test_an_emptied_broker_is_not_forgotten_while_another_sweeper_is_at_work(
    world: World, engine: Engine, sweeper: Sweeper, redis_url: str
) -> None:
    job = world.submit()
    world.pick(1)
    _empty_broker(redis_url)
    with transactions(engine).begin() as session:
        assert sweeping.try_lock(session)
        assert sweeper.sweep() == Swept()

    swept = sweeper.sweep()

    assert swept.redispatched == 1
    assert world.state(job.id) == "queued"


def test_an_emptied_broker_is_not_forgotten_when_the_sweeper_that_noticed_is_killed(
    world: World, sweeper: Sweeper, database_url: str, redis_url: str
) -> None:
    job = world.submit()
    world.pick(1)
    _empty_broker(redis_url)
    with _blocked_sweeps(world) as wait_for_sweep:
        victim = subprocess.Popen([sys.executable, "-c", SWEEP, database_url, redis_url], cwd=REPOSITORY)
        with victim:
            wait_for_sweep()
            victim.kill()
    # The server notices only now that its client is gone.
    _wait_until(lambda: world.count("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'") == 0)

    swept = sweeper.sweep()

    assert swept.redispatched == 1
    assert world.state(job.id) == "queued"


def test_a_broker_emptied_again_while_a_sweep_heals_it_is_noticed_again(
    world: World, sweeper: Sweeper, redis_url: str
) -> None:
    job = world.submit()
    world.pick(1)
    _empty_broker(redis_url)
    with ThreadPoolExecutor(1) as pool:
        with _blocked_sweeps(world) as wait_for_sweep:
            first = pool.submit(sweeper.sweep)
            wait_for_sweep()
            _empty_broker(redis_url)
        assert first.result().redispatched == 1
    world.pick(1)

    assert [sweeper.sweep().redispatched for _ in range(2)] == [1, 0]
    assert world.state(job.id) == "queued"


def test_each_of_many_sweepers_notices_an_emptied_broker_and_one_heals_it(
    world: World, engine: Engine, redis_url: str
) -> None:
    sweepers = [create_sweeper(engine, redis_url) for _ in range(3)]
    for sweeper in sweepers:
        sweeper.sweep()
    world.submit()
    world.pick(1)
    _empty_broker(redis_url)

    redispatched = []
    for sweeper in sweepers:
        redispatched.append(sweeper.sweep().redispatched)
        world.pick(1)

    assert redispatched == [1, 0, 0]


def test_a_frozen_broker_does_not_hold_up_the_rescue(
    world: World, engine: Engine, redis_url: str, valkey: ValkeyServer
) -> None:
    app = create_celery(redis_url)
    app.conf.broker_transport_options |= {"socket_timeout": 600}
    sweeper = Sweeper(engine, Conveyor(app, IMPATIENT))
    sweeper.sweep()
    job = world.submit()
    world.claim(job.id, lease_s=0)
    assert valkey.pid is not None

    with ThreadPoolExecutor(1) as pool:
        os.kill(valkey.pid, signal.SIGSTOP)
        try:
            swept = [pool.submit(sweeper.sweep).result(60) for _ in range(2)]
        finally:
            os.kill(valkey.pid, signal.SIGCONT)

    assert swept == [Swept(rescued=1), Swept()]
    assert world.state(job.id) == "queued"
