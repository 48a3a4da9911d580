"""Every program of the table meets its required outcome, and the sandbox is none the worse for it."""

from __future__ import annotations

import fnmatch
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest

from config.settings import REPOSITORY
from domain.code_runs.model import Case, RunResult, Verdict
from tests.adversarial.hostile import PROGRAMS, ROOMY, Hostile, code_run, everything_shown
from tests.adversarial.table import TABLE
from tests.adversarial.yard import Yard

# What would show that a file of the host or of another user was read.
SHADOW_LINES = (b":0:99999:7:::",)

BY_NAME = {hostile.name: hostile for hostile in TABLE}
DISTURBERS = (
    "fork_bomb_that_refills",
    "memory_of_a_family",
    "putchar_forever",
    "million_files",
    "spin_in_short_children",
)


@pytest.mark.parametrize("hostile", TABLE, ids=lambda hostile: hostile.name)
def test_program_meets_its_required_outcome_and_the_next_one_is_not_disturbed(
    hostile: Hostile, yard: Yard, secret: bytes
) -> None:
    result = yard.judge(hostile.code_run(), hostile.compile_limits)

    after = yard.judge_plain(hostile.language)
    shown = everything_shown(result)
    assert result.verdict in hostile.verdicts, _told(result)
    assert all(check(result) for check in hostile.checks), _told(result)
    assert not [line for line in (secret, *SHADOW_LINES) if line in shown], _told(result)
    assert after.verdict is Verdict.ACCEPTED, _told(after)
    assert after.cases[0].execution.usage.wall_s < ROOMY.wall_s / 2
    assert yard.is_still()


@pytest.mark.parametrize("name", ["putchar_forever", "flood_stderr", "flood_both", "error_flood", "many_big_files"])
def test_floods_write_nothing_to_the_hosts_disk(name: str, yard: Yard) -> None:
    hostile = BY_NAME[name]
    yard.judge_plain(hostile.language)
    before = yard.written_bytes()

    yard.judge(hostile.code_run(), hostile.compile_limits)

    assert before == yard.written_bytes() == 0


@pytest.mark.parametrize("name", DISTURBERS)
def test_programs_that_run_beside_a_hostile_one_are_not_disturbed(name: str, yard: Yard) -> None:
    hostile = BY_NAME[name]

    with ThreadPoolExecutor(1) as pool:
        disturbance = pool.submit(yard.judge, hostile.code_run())
        beside = [yard.judge_plain("python") for _ in range(4)]
        result = disturbance.result()

    assert [each.verdict for each in beside] == [Verdict.ACCEPTED] * 4
    assert result.verdict in hostile.verdicts


def test_five_java_programs_at_once_all_give_the_right_answer(yard: Yard) -> None:
    with ThreadPoolExecutor(5) as pool:
        results = list(pool.map(yard.judge_plain, ["java"] * 5))

    assert [result.verdict for result in results] == [Verdict.ACCEPTED] * 5


def test_program_that_snoops_sees_neither_other_cases_nor_expected_outputs(yard: Yard) -> None:
    source = (PROGRAMS / "snoop.py").read_bytes()
    limits = replace(ROOMY, output_bytes=1 << 20)
    cases = (
        Case("first", b"visible-input-1", b"hidden-answer-1"),
        Case("second", b"visible-input-2", b"hidden-answer-2"),
    )

    result = yard.judge(code_run("python", source, cases=cases, limits=limits))

    first, second = (case.execution.stdout for case in result.cases)
    assert b"refused" in first
    assert b"visible-input-2" not in first
    assert b"visible-input-1" not in second
    assert b"hidden-answer" not in first + second


def test_program_cannot_replace_itself_for_the_next_case(yard: Yard) -> None:
    source = (PROGRAMS / "replace_itself.py").read_bytes()
    cases = tuple(Case(f"case {number}", b"", b"42\n") for number in range(3))

    result = yard.judge(code_run("python", source, cases=cases))

    assert [case.verdict for case in result.cases] == [Verdict.WRONG_ANSWER] * 3
    assert [case.execution.stdout for case in result.cases] == [b"wrong\n"] * 3


def test_every_program_in_the_folder_is_in_the_table() -> None:
    used = {hostile.program for hostile in TABLE}

    unused = {path.name for path in PROGRAMS.iterdir() if path.is_file()} - used

    assert unused == set()
    assert len(BY_NAME) == len(TABLE)


def test_every_row_that_the_threat_model_names_is_in_the_table() -> None:
    lines = (REPOSITORY / "docs" / "threat_model.md").read_text().splitlines()
    last_cells = [line.rsplit("|", 2)[1] for line in lines if line.startswith("|")]
    named = [name for cell in last_cells for name in re.findall(r"`([a-z_*]+)`", cell)]

    unknown = [name for name in named if not fnmatch.filter(BY_NAME, name)]

    assert len(named) > 40
    assert unknown == []


def _told(result: RunResult) -> str:
    """Write a result so that a failed assertion explains itself; output is cut."""
    executions = [case.execution for case in result.cases] + ([result.compilation] if result.compilation else [])
    facts = [
        f"exit {end.exit_code} signal {end.signal} limit {end.limit_hit} {end.usage}"
        f"\n  stdout {end.stdout[:600]!r}\n  stderr {end.stderr[:600]!r}"
        for end in executions
    ]
    return "\n".join([str(result.verdict), *facts])
