from __future__ import annotations

import json

import pytest

from cli.output import print_json
from cli.simulation.drivers import ON_DUTY
from cli.simulation.report import Progress, Result
from cli.simulation.tally import Outcome, percentile
from cli.simulation.world import World
from tests.unit.cli.simulation.fake_city import EPOCH
from tests.unit.cli.simulation.virtual import VirtualClock


@pytest.fixture
def world() -> World:
    return World(VirtualClock(), EPOCH)


def test_off_a_terminal_there_is_a_line_every_few_seconds(world: World) -> None:
    written: list[str] = []
    progress = Progress(world, written.append, is_live=False)

    for second in range(11):
        world.clock.now_s = second
        world.tally.note_call("push", 0.01)
        progress.show()
    progress.close()

    assert len(written) == 4
    assert written[0].split()[:3] == ["time", "waiting", "riding"]
    assert [line.split()[0] for line in written[1:]] == ["0:00", "0:05", "0:10"]
    assert written[2].split()[-3] == "1"  # calls/s


def test_on_a_terminal_the_same_row_is_written_again(world: World) -> None:
    written: list[str] = []
    progress = Progress(world, written.append, is_live=True)

    for second in range(3):
        world.clock.now_s = second
        world.tally.count(ON_DUTY)
        progress.show()
    progress.close()

    assert [text[:4] for text in written[1:-1]] == ["\r\x1b[K"] * 3
    assert "\n" not in "".join(written[1:-1])
    assert written[-1] == "\n"


def test_the_end_says_who_was_served_and_why_others_were_not(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    tally = world.tally
    tally.end(Outcome.SERVED)
    tally.end(Outcome.LOST, "lost patience")
    tally.end(Outcome.LOST, "lost patience")
    tally.note_wait(4.0, 90.0)
    tally.note_wait(6.0, None)
    tally.note_error("409 offer_expired (accept)", is_failure=False)
    tally.note_call("push", 0.0042)

    Result(world, [0.001]).print()

    shown = capsys.readouterr().out
    rows = [line.split("  ") for line in shown.splitlines()]
    cells = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    assert ["served", "1"] in cells
    assert ["lost", "lost patience", "2"] in cells
    assert ["matched", "2", "4.0", "6.0", "6.0"] in cells
    assert ["started", "1", "90.0", "90.0", "90.0"] in cells
    assert ["409 offer_expired (accept)", "1"] in cells
    assert ["push", "1", "4.2", "4.2", "4.2"] in cells
    assert "Every call was answered" in shown


@pytest.mark.parametrize("is_failure", [True, False])
def test_a_failure_or_a_violation_is_not_fine(world: World, capsys, *, is_failure: bool) -> None:
    if is_failure:
        world.tally.note_error("500 (push)", is_failure=True)
    else:
        world.ledger.violate("ada was given two rides")
    result = Result(world, [])

    result.print()

    assert not result.is_fine
    assert ("VIOLATION: ada was given two rides" in capsys.readouterr().out) is not is_failure


def test_the_result_is_a_json_document(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.tally.end(Outcome.LOST, "no drivers available")

    print_json(Result(world, []).as_json())

    shown = json.loads(capsys.readouterr().out)
    assert shown["is_fine"] is True
    assert shown["rides"] == [{"outcome": "lost", "reason": "no drivers available", "number": 1}]
    assert shown["waits_s"]["matched"] == {"p50": None, "p90": None, "p99": None}


@pytest.mark.parametrize(("share", "value"), [(0.0, 1), (0.5, 50), (0.9, 90), (0.99, 99), (1.0, 100)])
def test_percentiles_are_values_that_occurred(share: float, value: int) -> None:
    assert percentile(list(range(100, 0, -1)), share) == value
