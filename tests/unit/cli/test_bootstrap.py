from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cli import bootstrap


def test_a_folder_becomes_an_environment_that_can_install(tmp_path: Path) -> None:
    folder = tmp_path / "venv"
    assert not bootstrap.has_pip(folder)

    assert bootstrap.make_environment(folder)

    assert bootstrap.has_pip(folder)


def test_an_old_python_gets_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(bootstrap, "OLDEST", (sys.version_info.major, sys.version_info.minor + 1))

    assert bootstrap.main(["unused"]) == 1
    assert "needs Python 3.11 or newer" in capsys.readouterr().err
