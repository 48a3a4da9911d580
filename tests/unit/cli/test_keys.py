from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from cli.keys import keys


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


@pytest.mark.parametrize("arguments", [["--tier", "pro"], ["--tier", "unlimited"], ["--tier", "gold", "--admin"]])
def test_a_tier_that_is_configured_or_does_not_matter_is_taken(arguments: list[str]) -> None:
    done = create(*arguments)

    # As far as one comes without a database.
    assert "no stack is running" in done.output
