from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.database import db
from cli.stack.home import Addresses, Home
from cli.stack.stack import StackError, _prepare_database
from config.settings import load_stack

CLOSED = "postgresql://a:secret@127.0.0.1:1/x"


def say_what_is_wrong(*arguments: str) -> str:
    done = CliRunner().invoke(db, arguments)

    assert done.exit_code == 1
    return done.output


def test_a_database_that_does_not_answer_is_told_in_a_line_without_its_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YARDMASTER_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", CLOSED)

    said = say_what_is_wrong("upgrade")

    assert said.startswith("Error: the database of DATABASE_URL does not answer: ")
    assert said.count("\n") == 1
    assert "secret" not in said


def test_a_stack_whose_database_does_not_answer_says_so_in_a_line(tmp_path: Path) -> None:
    with pytest.raises(StackError, match=r"^the database of DATABASE_URL does not answer: .*refused.*$") as failed:
        _prepare_database(Home(tmp_path), CLOSED, load_stack({"DATABASE_URL": CLOSED}))

    assert "\n" not in str(failed.value)
    assert "secret" not in str(failed.value)


def test_the_url_of_the_database_is_printed_for_other_programs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("YARDMASTER_HOME", str(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "")
    assert "no stack is running" in say_what_is_wrong("url")

    words = dict.fromkeys(
        ("api", "pop", "flower", "flower_user", "flower_password", "api_key", "redis_url", "log"), ""
    )
    Home(tmp_path).announce(Addresses(pid=1, database_url="postgresql://embedded/x", **words))
    assert CliRunner().invoke(db, ["url"]).output == "postgresql://embedded/x\n"

    monkeypatch.setenv("DATABASE_URL", CLOSED)
    assert CliRunner().invoke(db, ["url"]).output == f"{CLOSED}\n"
