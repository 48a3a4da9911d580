"""PostgreSQL goes away in the middle of an accept: whoever asks again gets the one answer that holds."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg2
import pytest
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

from cli.stack.servers import PostgresServer
from domain.rides.model import Offer, Ride, RideStatus
from store.db import create_engine
from store.migrate import migrate
from store.rides import trips
from tests.integration.rides_world import RidesWorld, Together, rounds

RESTARTS = 4
DRIVERS = 6


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    """A server that may be killed: nobody else uses it."""
    server = PostgresServer(tmp_path_factory.mktemp("postgres"), options={"fsync": "off"})
    server.start()
    yield server
    server.stop()


@pytest.fixture
def world(server: PostgresServer) -> Iterator[RidesWorld]:
    engine = create_engine(server.url(), 10, "test")
    migrate(engine)
    built = RidesWorld(engine)
    yield built
    built.assert_sound()
    built.execute("TRUNCATE drivers, rides, ride_ticks, jobs CASCADE")
    engine.dispose()


def _accept_patiently(world: RidesWorld, offer: Offer) -> Ride:
    while True:
        try:
            return world.accept(offer)
        except DBAPIError:
            continue


def test_an_accept_that_was_not_committed_is_made_by_the_next_try(world: RidesWorld, server: PostgresServer) -> None:
    ride = world.created()
    offer = world.offer(ride, world.driver())

    def accept_and_lose_the_server(session: Session) -> None:
        assert trips.accept(session, offer.id, offer.driver_id).status is RideStatus.MATCHED
        server.kill()

    with pytest.raises(DBAPIError):
        world.run(accept_and_lose_the_server)
    server.start()
    before = _patiently(world, ride)
    accepted = _accept_patiently(world, offer)

    assert before.status is RideStatus.CREATED
    assert accepted.status is RideStatus.MATCHED
    assert world.event_names(ride) == ["created", "offered", "matched"]


def test_an_accept_whose_answer_was_lost_is_answered_again(world: RidesWorld, server: PostgresServer) -> None:
    ride = world.created()
    offer = world.offer(ride, world.driver())

    accepted = world.accept(offer)
    server.kill()
    server.start()
    again = _accept_patiently(world, offer)

    assert again == accepted
    assert world.event_names(ride) == ["created", "offered", "matched"]


def test_drivers_who_go_on_asking_through_restarts_each_get_their_ride_once(
    world: RidesWorld, server: PostgresServer
) -> None:
    with Together(DRIVERS + 1) as together:
        for _ in range(RESTARTS):
            rides = [world.created() for _ in range(DRIVERS)]
            offers = [world.offer(ride, world.driver()) for ride in rides]

            *accepted, _ = together.run(
                *((_accept_patiently, world, offer) for offer in offers), (_kill_and_start, server)
            )

            for ride, offer, answer in zip(rides, offers, accepted, strict=True):
                assert answer == _patiently(world, ride)
                assert isinstance(answer, Ride)
                assert answer.driver_id == offer.driver_id
                assert world.event_names(ride) == ["created", "offered", "matched"]


def test_an_accept_whose_connection_was_cut_is_made_once_by_whoever_asks_again(
    world: RidesWorld, server: PostgresServer
) -> None:
    tries = set()

    with Together(2) as together:
        for _ in rounds(lambda: len(tries) > 1):
            ride = world.created()
            offer = world.offer(ride, world.driver())

            answer, _ = together.race((_count_tries, world, offer), (_cut, server))

            # Who was at work when the other looked may have been cut when at rest.
            world.engine.dispose()
            assert isinstance(answer, tuple)
            accepted, tried = answer
            tries.add(tried)
            assert accepted == world.get(ride)
            assert accepted.driver_id == offer.driver_id
            assert world.event_names(ride) == ["created", "offered", "matched"]

    assert tries == {1, 2}


def _count_tries(world: RidesWorld, offer: Offer) -> tuple[Ride, int]:
    tries = 1
    while True:
        try:
            return world.accept(offer), tries
        except DBAPIError:
            tries += 1


def _cut(server: PostgresServer) -> None:
    """Cut the connections that are in the middle of something, and wait until they are gone."""
    at_work = "FROM pg_stat_activity WHERE application_name = 'test' AND state <> 'idle'"
    connection = psycopg2.connect(server.url())
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT pg_terminate_backend(pid, 10000) {at_work}")
    finally:
        connection.close()


def _kill_and_start(server: PostgresServer) -> None:
    server.kill()
    server.start()


def _patiently(world: RidesWorld, ride: Ride) -> Ride:
    while True:
        try:
            return world.get(ride)
        except DBAPIError:
            continue
