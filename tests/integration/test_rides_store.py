"""What a ride goes through when one thing happens after another."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine

from domain.rides.model import RideStatus
from tests.integration.rides_world import RidesWorld


@pytest.fixture
def world(engine: Engine) -> Iterator[RidesWorld]:
    built = RidesWorld(engine)
    yield built
    built.assert_sound()


def test_a_ride_goes_from_its_wish_to_its_end(world: RidesWorld) -> None:
    ride = world.created()
    driver_id = world.driver()

    world.accept(world.offer(ride, driver_id))
    world.arrive(ride, driver_id)
    world.start(ride, driver_id)
    finished = world.finish(ride, driver_id)

    assert finished.status is RideStatus.FINISHED
    assert finished.driver_id == driver_id
    assert world.event_names(ride) == ["created", "offered", "matched", "arrived", "started", "finished"]
    assert [event.version for event in world.events(ride)] == [1, 2, 3, 4, 5, 6]
