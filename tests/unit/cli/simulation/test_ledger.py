from __future__ import annotations

from dataclasses import replace

import pytest

from cli.simulation.ledger import Ledger
from cli.simulation.views import RideView
from domain.rides.model import Place, RideStatus, SearchStatus
from tests.unit.cli.simulation.fake_city import EPOCH

RIDE = RideView(
    id="ride",
    status=RideStatus.CREATED,
    search_status=SearchStatus.SEARCHING,
    driver_id=None,
    pickup=Place(48.2, 16.3),
    destination=Place(48.2, 16.4),
    version=3,
    poll_after_s=5,
    created_at=EPOCH,
    matched_at=None,
    started_at=None,
)
MATCHED = replace(RIDE, status=RideStatus.MATCHED, driver_id="ada", version=4)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


def test_a_ride_from_its_order_to_its_end_breaks_nothing(ledger: Ledger) -> None:
    ledger.saw(RIDE, must_be_finished=False)
    ledger.accepting("ada", "ride")
    ledger.saw(MATCHED, must_be_finished=False)
    ledger.accepted("ada", "ride")
    ledger.told_of("ada", "ride")
    ledger.finishing("ride")
    ledger.finished("ride")
    ledger.giving_back("ada", "ride")
    ledger.saw(replace(MATCHED, status=RideStatus.FINISHED, version=7), must_be_finished=True)

    assert ledger.violations == []


def test_a_driver_may_drive_again_and_a_ride_may_be_taken_again(ledger: Ledger) -> None:
    ledger.accepted("ada", "ride")
    ledger.giving_back("ada", "ride")
    ledger.accepted("bela", "ride")
    ledger.accepted("ada", "other")

    assert ledger.violations == []


def test_two_rides_for_one_driver_are_noticed(ledger: Ledger) -> None:
    ledger.accepted("ada", "ride")
    ledger.accepted("ada", "other")

    assert ledger.violations == ["ada was given ride other while on ride ride"]


def test_two_drivers_for_one_ride_are_noticed(ledger: Ledger) -> None:
    ledger.accepted("ada", "ride")
    ledger.accepted("bela", "ride")

    assert ledger.violations == ["ride ride was given to bela while ada had it"]


def test_a_late_answer_to_a_ride_given_back_takes_nothing_from_its_next_driver(ledger: Ledger) -> None:
    ledger.accepted("ada", "ride")
    ledger.giving_back("ada", "ride")
    ledger.accepted("bela", "ride")
    ledger.giving_back("ada", "ride")
    ledger.accepted("chidi", "ride")

    assert len(ledger.violations) == 1


@pytest.mark.parametrize(
    ("then", "sentence"),
    [
        (replace(RIDE, version=2), "ride ride went back from version 3 to 2"),
        (replace(RIDE, status=RideStatus.CANCELLED), "from created to cancelled without a new version"),
        (MATCHED, "shows driver ada, who has not accepted it"),
        (replace(RIDE, status=RideStatus.FINISHED, version=9), "is finished, but its driver did not say so"),
    ],
)
def test_what_a_passenger_must_not_see_is_noticed(ledger: Ledger, then: RideView, sentence: str) -> None:
    ledger.saw(RIDE, must_be_finished=False)

    ledger.saw(then, must_be_finished=False)

    assert len(ledger.violations) == 1
    assert sentence in ledger.violations[0]


def test_an_ended_ride_stays_ended(ledger: Ledger) -> None:
    ledger.saw(replace(RIDE, status=RideStatus.CANCELLED), must_be_finished=False)

    ledger.saw(replace(RIDE, version=4), must_be_finished=False)

    assert ledger.violations == ["ride ride was cancelled and is created now"]


def test_a_finish_that_was_answered_is_seen_by_every_later_read(ledger: Ledger) -> None:
    ledger.finished("ride")

    ledger.saw(RIDE, must_be_finished=ledger.has_finished("ride"))

    assert ledger.violations == ["ride ride is created, though its finish had been answered"]


def test_not_every_violation_is_kept_but_all_are_counted(ledger: Ledger) -> None:
    for _ in range(80):
        ledger.violate("again")

    assert len(ledger.violations) == 50
    assert ledger.number_of_violations == 80
