from __future__ import annotations

import sys

import pytest

from cli.main import main


@pytest.mark.parametrize("password", ["", "a,b"])
def test_flower_without_a_password_refuses_its_settings(
    password: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FLOWER_PASSWORD", password)
    monkeypatch.setattr(sys, "argv", ["yardmaster", "flower"])

    with pytest.raises(SystemExit) as ended:
        main()

    assert ended.value.code == 78
    assert capsys.readouterr().err.startswith("Error: FLOWER_PASSWORD must be set, without a comma")
