from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.keys import keys, read_duration


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YARDMASTER_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "")
    monkeypatch.setenv("RATE_LIMITS", "free=1/1;pro=5/1")


def create(*arguments: str) -> Result:
    return CliRunner().invoke(keys, ["create", "--owner", "ada", *arguments])


def test_a_tier_that_is_not_configured_is_refused_with_those_that_are() -> None:
    done = create("--tier", "gold")

    assert done.exit_code == 2
    assert "there is no tier 'gold' in RATE_LIMITS; there are free, pro, unlimited" in done.output


@pytest.mark.parametrize("time", ["7", "d", "0d", "-1d", "1.5h", "7w", "1000000d", "7 d"])
def test_what_is_no_time_is_refused_with_what_one_looks_like(time: str) -> None:
    done = create("--expires-in", time)

    assert done.exit_code == 2
    assert "is no time like 90s, 15m, 12h or 7d" in done.output


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("90s", timedelta(seconds=90)),
        ("15m", timedelta(minutes=15)),
        ("12h", timedelta(hours=12)),
        ("7d", timedelta(days=7)),
    ],
)
def test_a_time_is_a_number_and_a_unit(text: str, time: timedelta) -> None:
    assert read_duration(None, None, text) == time


@pytest.mark.parametrize("arguments", [["--tier", "pro"], ["--tier", "unlimited"], ["--tier", "gold", "--admin"]])
def test_a_tier_that_is_configured_or_does_not_matter_is_taken(arguments: list[str]) -> None:
    done = create(*arguments)

    # As far as one comes without a database.
    assert "no stack is running" in done.output


def test_nobody_has_a_key_of_the_platform_itself() -> None:
    refused = CliRunner().invoke(keys, ["create", "--owner", "system", "--admin"])

    assert (refused.exit_code, "'system' is the platform itself" in refused.output) == (2, True)


@pytest.mark.parametrize("option", ["--owner", "--name"])
@pytest.mark.parametrize("name", ["", " ", "ada ", "ada\nbob", "ada\x1b[2J", "a" * 201])
def test_a_name_that_fits_in_no_line_is_refused(option: str, name: str) -> None:
    refused = create(option, name)

    assert refused.exit_code == 2
    assert f"'{option}': must be 1 to 200 printable characters" in " ".join(refused.output.split())


def test_a_name_may_have_spaces_within_and_any_letters() -> None:
    # As far as one comes without a database.
    assert "no stack is running" in create("--owner", "Ada Łovelace").output
