"""What the events of a ride keep beyond its status, for whoever has to find out later what happened."""

from __future__ import annotations

import pytest

from tests.integration.http_rides import DESTINATION, ELSEWHERE, PICKUP, streets


@pytest.fixture
def town(database_url, redis_url, engine):
    with streets(database_url, redis_url, engine) as built:
        yield built


def details(town, ride_id: str, name: str) -> list[dict[str, object]]:
    return [event.detail for event in town.world.events(town.ride(ride_id)) if event.name == name]


def place(trip: dict[str, object], end: str) -> dict[str, object]:
    return {name: trip[f"{end}_{name}"] for name in ("latitude", "longitude")}


@pytest.mark.parametrize("is_searching", [True, False])
def test_an_edit_keeps_the_trip_and_the_quote_of_before_and_after(town, is_searching):
    ann = town.person("ann")
    ride_id = town.ordered(ann, search=is_searching)
    quoted = town.ride(ride_id).quote

    for changes in ({"destination": ELSEWHERE}, {"pickup": DESTINATION}):
        assert ann.patch(f"/v1/rides/{ride_id}", json=changes).status_code == 200

    first, second = details(town, ride_id, "edited")
    assert (place(first["before"], "pickup"), place(first["before"], "destination")) == (PICKUP, DESTINATION)
    assert (place(first["after"], "pickup"), place(first["after"], "destination")) == (PICKUP, ELSEWHERE)
    assert (first["before"]["distance_m"], first["before"]["price_high"]) == (quoted.distance_m, quoted.price_high)
    assert second["before"] == first["after"]
    assert place(second["after"], "pickup") == DESTINATION
    assert second["after"]["price_high"] == town.ride(ride_id).quote.price_high != quoted.price_high


def test_the_event_of_an_operators_cancel_names_who_did_it_and_nobody_else_is_told(town):
    ann, root = town.person("ann"), town.yard.client("root", is_admin=True)
    ride_id = town.ordered(ann)

    shown = root.post(f"/v1/rides/{ride_id}/cancel").json
    stream = ann.get(f"/v1/rides/{ride_id}/events").text

    assert shown["status_detail"] == "cancelled by an operator"
    assert details(town, ride_id, "cancelled") == [{"reason": "cancelled by an operator", "operator": "root"}]
    assert "cancelled" in stream
    assert "root" not in stream + ann.get(f"/v1/rides/{ride_id}").text


def test_the_event_of_a_passengers_cancel_names_nobody(town):
    ann = town.person("ann")
    ride_id = town.ordered(ann)
    ann.delete(f"/v1/rides/{ride_id}")

    assert details(town, ride_id, "cancelled") == [{}]
