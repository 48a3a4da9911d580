from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from cli.stack.home import Addresses, Home, HomeError

ADDRESSES = Addresses(
    pid=1,
    api="http://127.0.0.1:8000",
    pop="http://127.0.0.1:8008",
    flower="http://127.0.0.1:5555",
    flower_user="yardmaster",
    flower_password="p",
    api_key="k",
    database_url="postgresql://x",
    redis_url="redis://x",
    log="/x/stack.log",
)

HOLD_AND_DIE = """
import os, signal, sys
from pathlib import Path
from cli.stack.home import Home
with Home(Path(sys.argv[1])).held():
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_second_stack_in_one_home_is_refused_with_the_holder(tmp_path: Path) -> None:
    with (
        Home(tmp_path).held(),
        pytest.raises(HomeError, match=rf"already running in .* \(process {os.getpid()}\)"),
        Home(tmp_path).held(),
    ):
        pass


def test_a_home_whose_holder_was_killed_can_be_held_again(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", HOLD_AND_DIE, str(tmp_path)], check=False)
    assert killed.returncode < 0

    with Home(tmp_path).held():
        held_by = (tmp_path / "lock").read_text()

    assert held_by == str(os.getpid())


def test_a_refusal_leaves_the_holders_announcement(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.held():
        home.announce(ADDRESSES)

        with pytest.raises(HomeError), Home(tmp_path).held():
            pass

        assert home.running() == ADDRESSES


def test_nothing_is_announced_before_and_after_a_stack_runs(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.running() is None

    with home.held():
        home.announce(ADDRESSES)

    assert home.running() is None


def test_a_secret_is_made_once_and_read_by_its_owner_alone(tmp_path: Path) -> None:
    first = Home(tmp_path).secret("flower_password")

    again = Home(tmp_path).secret("flower_password")

    assert again == first
    assert len(first) >= 32
    assert (tmp_path / "secrets" / "flower_password").stat().st_mode & 0o777 == 0o600


def test_a_kept_secret_replaces_one_that_others_could_read(tmp_path: Path) -> None:
    home = Home(tmp_path)
    home.secret("api_key")
    (tmp_path / "secrets" / "api_key").chmod(0o644)

    home.keep_secret("api_key", "new")

    assert home.find_secret("api_key") == "new"
    assert (tmp_path / "secrets" / "api_key").stat().st_mode & 0o777 == 0o600


def test_a_home_that_cannot_be_written_says_which_variable_to_set(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(HomeError, match="set YARDMASTER_HOME"), Home(tmp_path / "file" / "home").held():
        pass
